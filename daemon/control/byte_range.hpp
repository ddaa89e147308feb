// Which bytes of a file a request wants: conditions and ranges of RFC 9110.
#pragma once

#include <cstdint>
#include <string_view>

namespace mjwatchd::control {

struct RangeVerdict {
  enum class Kind { whole, part, unsatisfiable, not_modified };
  Kind kind = Kind::whole;
  std::uint64_t offset = 0, length = 0;  ///< of what is sent
};

/// The headers of a request that count; absent ones are empty.
struct RangeWish {
  std::string_view range, if_range, if_none_match;
};

/// Pure. `etag` is a strong one, with its quotation marks. Several ranges at once, and units other than
/// bytes, are answered with the whole, as RFC 9110 (14.2) allows.
[[nodiscard]] RangeVerdict judge_range(const RangeWish& wish, std::string_view etag, std::uint64_t size);

}  // namespace mjwatchd::control
