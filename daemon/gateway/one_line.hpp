// Words of a stranger, made fit for a log line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mjwatchd::gateway {

/// Pure. At most `most` bytes of UTF-8 on one line: control characters as \xNN, what is no UTF-8 as
/// U+FFFD, blanks at the ends gone, and "…" where it was cut.
[[nodiscard]] std::string one_line(std::string_view text, std::size_t most = 200);

/// Pure. `text` with each occurrence of `secret` as "***": some servers quote the token they refuse.
[[nodiscard]] std::string without_secret(std::string text, std::string_view secret);

/// Pure. What a body says to people, at most 120 bytes on one line: its error message if it is JSON,
/// its title if it is a page, else how it begins; "an empty body" for none.
[[nodiscard]] std::string describe_body(std::string_view body);

}  // namespace mjwatchd::gateway
