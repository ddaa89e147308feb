// Where the client writes to: a person's terminal, or a pipe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mjwatchd::client {

struct Terminal {
  bool interactive = false;  ///< a terminal, not a pipe or a file
  bool colours = false;      ///< a terminal, NO_COLOR is not set, and TERM is not "dumb"
  std::size_t width = 0;     ///< columns; 0: unlimited
};

/// Standard output's.
[[nodiscard]] Terminal standard_output();

enum class Colour : unsigned char { plain, green, red, yellow, cyan, dim };
/// The text in that colour, or as it is when there are no colours.
[[nodiscard]] std::string coloured(const Terminal& terminal, Colour colour, std::string_view text);
/// The colour of a task's or delivery's state.
[[nodiscard]] Colour colour_of(std::string_view state);

/// Columns that UTF-8 text takes, counting a code point as one (East Asian wide ones as two).
[[nodiscard]] std::size_t columns(std::string_view text);
/// Cut to so many columns, with "…" at the end when something was cut.
[[nodiscard]] std::string fit(std::string_view text, std::size_t most);
/// Control characters replaced, so that text of others cannot steer the terminal.
[[nodiscard]] std::string harmless(std::string_view text);

}  // namespace mjwatchd::client
