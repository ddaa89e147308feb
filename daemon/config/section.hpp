// One map of the file while it is being read: takes its keys one by one, and remembers which.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/config/values.hpp"
#include "daemon/config/yaml_tree.hpp"

namespace mjwatchd::config {

/// What was found wrong, and what is merely worth saying.
struct Findings {
  std::vector<Problem> errors;
  std::vector<Problem> warnings;
};

/// Each taker leaves its target alone when the key is absent, empty or wrong; a wrong one becomes an
/// error. After all keys are taken, refuse_unknown() reports the rest. `findings` must outlive this.
class Section {
 public:
  /// `node` null, or of kind null: an empty section. Of another kind than a map: an error.
  Section(Findings& findings, NodePtr node, Mark mark, std::string path);

  [[nodiscard]] std::string path(std::string_view key) const;
  [[nodiscard]] Mark mark() const { return mark_; }
  [[nodiscard]] Mark mark(std::string_view key) const;  ///< of the key's value, or of the section
  [[nodiscard]] bool has(std::string_view key) const;   ///< present and not empty

  /// The value of a key, which counts as known from now on; null when absent or empty.
  NodePtr take(std::string_view key);
  Section sub(std::string_view key);
  /// The entries of a map whose keys are names the user chose.
  std::vector<Entry> named(std::string_view key);

  bool text(std::string_view key, std::string& out);
  void flag(std::string_view key, bool& out);
  void duration(std::string_view key, milliseconds& out, milliseconds least, milliseconds most);
  void size(std::string_view key, std::uint64_t& out, std::uint64_t least);
  template <typename Whole>
  void whole(std::string_view key, Whole& out, std::uint64_t least, std::uint64_t most) {
    if (const auto value = whole_number(key, least, most)) out = static_cast<Whole>(*value);
  }
  void number(std::string_view key, double& out, double least, double most);
  /// A list of texts, each with its place. A single text is a list of one if `lone`.
  std::vector<std::pair<std::string, Mark>> list(std::string_view key, bool lone = false);
  /// One of `words`; answers its place among them.
  std::optional<std::size_t> choice(std::string_view key, const std::vector<std::string_view>& words);

  void error(std::string_view key, std::string text);
  void error(std::string_view key, Mark mark, std::string text);
  void warn(std::string_view key, std::string text);
  void refuse_unknown();

 private:
  std::optional<std::uint64_t> whole_number(std::string_view key, std::uint64_t least, std::uint64_t most);
  const Entry* find(std::string_view key) const;
  NodePtr scalar(std::string_view key);

  Findings& findings_;
  NodePtr node_;
  Mark mark_;
  std::string path_;
  std::vector<std::string> known_;
};

/// "a, b or c".
[[nodiscard]] std::string one_of(const std::vector<std::string_view>& words);

}  // namespace mjwatchd::config
