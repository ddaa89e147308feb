#include "daemon/http/client_upload.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace mjwatchd::http {
namespace {

std::string words(int error) { return std::generic_category().message(error); }

}  // namespace

std::string Upload::open(const std::string& path, std::uint64_t offset, std::uint64_t length) {
  path_ = path;
  // O_NONBLOCK: a FIFO must not hold up the loop before it is refused.
  os::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat facts {};
  if (!file.valid() || ::fstat(file.get(), &facts) != 0) return path + " cannot be read: " + words(errno);
  if (!S_ISREG(facts.st_mode)) return path + " is not a regular file";
  const auto whole = static_cast<std::uint64_t>(facts.st_size);
  if (offset > whole || length > whole - offset) return path + " is shorter than the part that is to be sent";
  begin_ = static_cast<curl_off_t>(offset);
  size_ = static_cast<curl_off_t>(length == 0 ? whole - offset : length);
  at_ = 0;
  file_ = std::move(file);
  return {};
}

void Upload::apply(Easy& easy) {
  easy.number(CURLOPT_UPLOAD, 1);
  easy.size(CURLOPT_INFILESIZE_LARGE, size_);
  easy.pointer(CURLOPT_READFUNCTION, &Upload::on_read);
  easy.pointer(CURLOPT_READDATA, this);
  easy.pointer(CURLOPT_SEEKFUNCTION, &Upload::on_seek);
  easy.pointer(CURLOPT_SEEKDATA, this);
}

std::size_t Upload::on_read(char* to, std::size_t size, std::size_t count, void* self) noexcept {
  try {
    return static_cast<Upload*>(self)->read(to, size * count);
  } catch (...) {
    return CURL_READFUNC_ABORT;
  }
}

std::size_t Upload::read(char* to, std::size_t room) {
  const auto want = std::min(room, static_cast<std::size_t>(size_ - at_));
  if (want == 0) return 0;
  const ssize_t got = ::pread(file_.get(), to, want, begin_ + at_);
  if (got <= 0) {
    trouble_ = got < 0 ? path_ + " cannot be read: " + words(errno) : path_ + " became shorter while it was sent";
    return CURL_READFUNC_ABORT;
  }
  at_ += got;
  return static_cast<std::size_t>(got);
}

/// A connection found dead is replaced, and the body sent again.
int Upload::on_seek(void* self, curl_off_t offset, int origin) noexcept {
  auto& upload = *static_cast<Upload*>(self);
  if (origin != SEEK_SET || offset < 0 || offset > upload.size_) return CURL_SEEKFUNC_FAIL;
  upload.at_ = offset;
  return CURL_SEEKFUNC_OK;
}

}  // namespace mjwatchd::http
