// A file sent as a request's body.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "daemon/http/easy.hpp"
#include "daemon/os/descriptor.hpp"

namespace mjwatchd::http {

/// Reads a regular file, or a part of one, for curl, as long as it was when it was opened. Its address
/// is given to curl, so it must stay where it is while the handle lives.
class Upload {
 public:
  /// `length` 0: from `offset` to the end. Why it cannot be sent; empty when it was opened.
  std::string open(const std::string& path, std::uint64_t offset, std::uint64_t length);
  [[nodiscard]] bool opened() const { return file_.valid(); }
  void apply(Easy& easy);
  /// What went wrong while reading; empty when nothing did.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

 private:
  static std::size_t on_read(char* to, std::size_t size, std::size_t count, void* self) noexcept;
  static int on_seek(void* self, curl_off_t offset, int origin) noexcept;
  std::size_t read(char* to, std::size_t room);

  os::Descriptor file_;
  std::string path_, trouble_;
  curl_off_t begin_ = 0, size_ = 0, at_ = 0;  ///< at_ counts from begin_
};

}  // namespace mjwatchd::http
