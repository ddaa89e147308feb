// The ways in which gateways were seen to misbehave, switched on by name.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace mjwatchd::standin {

using std::chrono::milliseconds;

/// One kind of misbehaviour, for --help and for judging what was typed.
struct Vice {
  std::string_view name;
  enum class Takes : std::uint8_t { rate, duration, id_or_rate, id, nothing } takes;
  std::string_view help;
};

/// Every kind there is.
[[nodiscard]] const std::vector<Vice>& vices();
/// The same as text, a kind a line.
[[nodiscard]] std::string describe_vices();

/// Which misbehaviours are on, and how much. Draws are deterministic by seed and order of asking.
/// One thread at a time.
class Misbehaviour {
 public:
  explicit Misbehaviour(std::uint64_t seed = 1) : random_(seed) {}

  /// Replaces everything by a comma-separated list such as "429:0.05,slow:500ms,lose:123"; empty
  /// switches all off. Throws std::invalid_argument naming the bad item, and then changes nothing.
  void set(std::string_view list);

  [[nodiscard]] bool on(std::string_view name) const { return rules_.contains(name); }
  /// True as often as its rate says; always when on without a rate; never when off.
  [[nodiscard]] bool strikes(std::string_view name);
  /// As strikes(), but always the same for the same id.
  [[nodiscard]] bool strikes_id(std::string_view name, std::string_view id) const;
  /// Its duration; nothing when off.
  [[nodiscard]] std::optional<milliseconds> duration(std::string_view name) const;

 private:
  struct Rule {
    double rate = 1;
    milliseconds duration{};
    std::set<std::string, std::less<>> ids;
  };
  using Rules = std::map<std::string, Rule, std::less<>>;
  static void add(Rules& rules, std::string_view item);

  Rules rules_;
  std::mt19937_64 random_;
};

}  // namespace mjwatchd::standin
