// A response's head, read line by line as curl hands it over.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "daemon/http/client.hpp"

namespace mjwatchd::http {

/// Fills a Response's status and headers. Interim (1xx) heads and trailers leave nothing behind.
class HeadReader {
 public:
  enum class Step {
    more,      ///< go on
    complete,  ///< this line ended the final head; told once
    too_long,  ///< all lines together are over the bound
    switched   ///< 101: another protocol, which nobody asked for
  };

  static constexpr std::size_t kMostBytes = 256U << 10;

  /// One line with its end of line.
  Step line(std::string_view text, Response& response);
  [[nodiscard]] bool complete() const { return complete_; }

 private:
  std::size_t bytes_ = 0;
  int status_ = 0;
  bool complete_ = false;
};

}  // namespace mjwatchd::http
