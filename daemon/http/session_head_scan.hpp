// Finds the end of a request's head, and refuses what parsers disagree about.
#pragma once

#include <cstddef>
#include <string_view>

#include "daemon/http/session_refusal.hpp"

namespace mjwatchd::http {

/// Looks at the raw bytes before the parser does: a head is handed on only when it is whole and every
/// line of it is plain. Bare LF and CR, control characters, folded lines and a space before the colon
/// are how requests are smuggled past a proxy that reads them differently (RFC 9112, 2.2 and 5).
class HeadScan {
 public:
  explicit HeadScan(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  struct Result {
    std::size_t size = 0;  ///< of the head with its empty line; 0: more bytes are needed
    Refusal refusal;
  };
  /// `bytes` is all that has come, from the first byte of this request on; each byte is looked at once.
  Result look(std::string_view bytes);
  [[nodiscard]] bool untouched() const { return seen_ == 0; }
  void reset() { seen_ = line_ = lines_ = 0; }

 private:
  Refusal judge_line(std::string_view line);

  std::size_t max_bytes_;
  std::size_t seen_ = 0, line_ = 0, lines_ = 0;
};

}  // namespace mjwatchd::http
