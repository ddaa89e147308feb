// What senders get wrong inside JSON strings, and what no parser would take.
#pragma once

#include <string>
#include <string_view>

namespace mjwatchd::gateway {

/// Pure. Nothing is to be repaired, as can be seen at a glance: most texts are so.
[[nodiscard]] bool sound(std::string_view json);

/// Pure. The same JSON text without a byte order mark, with U+FFFD for each byte that is no UTF-8 and
/// each escaped half of a surrogate pair, and with bare control characters inside strings escaped.
/// Texts are cut in the middle of a character by servers that count bytes or UTF-16 units.
[[nodiscard]] std::string repaired(std::string_view json);

}  // namespace mjwatchd::gateway
