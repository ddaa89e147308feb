// The digest of a task's object: what counts as a change.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdint>
#include <string_view>

#include "mjwatchd/task.hpp"

namespace mjwatchd::gateway {

/// For telling changes apart; no one can gain by making two objects alike. (XXH3: most texts here are short.)
[[nodiscard]] inline std::uint64_t hash_of_text(std::string_view text, std::uint64_t seed) {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}
[[nodiscard]] inline std::uint64_t hash_of_number(std::uint64_t number, std::uint64_t seed) {
  return XXH3_64bits_withSeed(&number, sizeof number, seed);
}

/// Whether a member of a task of that status counts: not the links while it runs, which differ at each
/// look, and not what tells when it was asked, or repeats other fields in words.
[[nodiscard]] bool counts_as_change(std::string_view key, Status status);

/// The digest, of the sum of `member_hash` of all members that count and say something. Never 0.
[[nodiscard]] std::uint64_t digest_of_members(std::uint64_t sum);
[[nodiscard]] inline std::uint64_t member_hash(std::string_view key, std::uint64_t value) {
  return hash_of_text(key, value);
}

}  // namespace mjwatchd::gateway
