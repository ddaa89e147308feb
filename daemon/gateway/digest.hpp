// The digest of a task's object: what counts as a change.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "mjwatchd/task.hpp"

namespace mjwatchd::gateway {

/// A hash for telling changes apart, eight bytes at a step; no one can gain by making two objects alike.
/// Its finish spreads its bits, so that members can be summed in any order.
class Hash {
 public:
  Hash& add(std::string_view text) {
    const std::size_t size = text.size();
    for (; text.size() >= sizeof(std::uint64_t); text.remove_prefix(sizeof(std::uint64_t))) step(word(text));
    step(word(text));
    return add(std::uint64_t{size});  // ends do not blur
  }
  Hash& add(std::uint64_t number) {
    step(number);
    return *this;
  }
  [[nodiscard]] std::uint64_t value() const {
    std::uint64_t h = state_;
    h = (h ^ (h >> 33U)) * 0xFF51AFD7ED558CCDULL;
    h = (h ^ (h >> 33U)) * 0xC4CEB9FE1A85EC53ULL;
    return h ^ (h >> 33U);
  }

 private:
  static std::uint64_t word(std::string_view text) {
    std::uint64_t word = 0;
    if (text.size() >= sizeof word) {
      std::memcpy(&word, text.data(), sizeof word);
    } else if (!text.empty()) {
      std::memcpy(&word, text.data(), text.size());
    }
    return word;
  }
  void step(std::uint64_t word) {
    state_ = (state_ ^ word) * 0x9E3779B97F4A7C15ULL;
    state_ ^= state_ >> 32U;
  }
  std::uint64_t state_ = 0xCBF29CE484222325ULL;
};

/// Whether a member of a task of that status counts: not the links while it runs, which differ at each
/// look, and not what tells when it was asked, or repeats other fields in words.
[[nodiscard]] bool counts_as_change(std::string_view key, Status status);

/// The digest, of the sum of `member_hash` of all members that count and say something. Never 0.
[[nodiscard]] std::uint64_t digest_of_members(std::uint64_t sum);
[[nodiscard]] inline std::uint64_t member_hash(std::string_view key, std::uint64_t value) {
  return Hash().add(key).add(value).value();
}

}  // namespace mjwatchd::gateway
