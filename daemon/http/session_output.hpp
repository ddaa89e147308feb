// What waits to be written to one client: text, a body, a file, in this order.
#pragma once

#include <array>
#include <asio/buffer.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/os/descriptor.hpp"

namespace mjwatchd::http {

/// Owned by a session. Holds one answer, or the pieces of a stream; a file is read 64 KiB at a time.
class SendBuffer {
 public:
  void add_text(std::string_view text) { text_ += text; }
  void set_body(std::string body);
  void set_file(os::Descriptor file, std::uint64_t offset, std::uint64_t length);

  /// Reads more of the file when all before it is sent. False when the file ends too early or cannot be
  /// read: the answer cannot be completed.
  [[nodiscard]] bool refill();
  [[nodiscard]] bool empty() const { return pending() == 0 && file_left_ == 0; }
  /// Bytes in memory that are not yet written.
  [[nodiscard]] std::size_t pending() const { return text_.size() - text_sent_ + body_.size() - body_sent_; }
  /// Text and body as one gathered write.
  [[nodiscard]] std::array<asio::const_buffer, 2> buffers() const;
  void sent(std::size_t bytes);

 private:
  std::string text_, body_;
  std::size_t text_sent_ = 0, body_sent_ = 0;
  os::Descriptor file_;
  std::uint64_t file_at_ = 0, file_left_ = 0;
};

}  // namespace mjwatchd::http
