#include "daemon/images/byte_source.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace mjwatchd::images {

namespace {
constexpr std::size_t kWindow = 64U << 10;
}

std::optional<std::vector<unsigned char>> ByteSource::take(std::uint64_t offset, std::size_t count) {
  if (!has(offset, count)) return std::nullopt;
  std::vector<unsigned char> bytes(count);
  if (read(offset, bytes) != count) return std::nullopt;
  return bytes;
}

std::optional<std::uint64_t> ByteSource::big(std::uint64_t offset, unsigned width) {
  unsigned char bytes[8];
  if (read(offset, {bytes, width}) != width) return std::nullopt;
  std::uint64_t number = 0;
  for (unsigned i = 0; i < width; ++i) number = number << 8U | bytes[i];
  return number;
}

std::optional<std::uint64_t> ByteSource::little(std::uint64_t offset, unsigned width) {
  unsigned char bytes[8];
  if (read(offset, {bytes, width}) != width) return std::nullopt;
  std::uint64_t number = 0;
  for (unsigned i = width; i > 0; --i) number = number << 8U | bytes[i - 1];
  return number;
}

bool ByteSource::at(std::uint64_t offset, std::string_view bytes) {
  const auto found = take(offset, bytes.size());
  return found && std::memcmp(found->data(), bytes.data(), bytes.size()) == 0;
}

std::size_t MemorySource::read(std::uint64_t offset, std::span<unsigned char> into) {
  if (offset >= bytes_.size()) return 0;
  const std::size_t count = std::min(into.size(), bytes_.size() - static_cast<std::size_t>(offset));
  std::memcpy(into.data(), bytes_.data() + offset, count);
  return count;
}

std::size_t FileSource::pull(std::uint64_t offset, std::span<unsigned char> into) const {
  std::size_t have = 0;
  while (have < into.size()) {
    const ssize_t got = ::pread(fd_, into.data() + have, into.size() - have, static_cast<off_t>(offset + have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw std::system_error(errno, std::generic_category(), "reading a picture");
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  return have;
}

void FileSource::fill(std::uint64_t offset) {
  std::vector<unsigned char> fresh = std::move(window_);
  window_.clear();  // and so it stays if the disk fails
  fresh.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kWindow, size_ - offset)));
  fresh.resize(pull(offset, fresh));
  window_ = std::move(fresh);
  window_at_ = offset;
}

std::size_t FileSource::read(std::uint64_t offset, std::span<unsigned char> into) {
  std::size_t done = 0;
  while (done < into.size() && offset + done < size_) {
    const std::uint64_t at = offset + done;
    const bool seen = at >= window_at_ && at < window_at_ + window_.size();
    if (!seen && into.size() - done >= kWindow && size_ - at >= kWindow) {  // no need to copy it twice
      const std::size_t got = pull(at, into.subspan(done, kWindow));
      if (got == 0) break;
      done += got;
      continue;
    }
    if (!seen) fill(at);
    if (window_.empty()) break;
    const std::size_t skip = static_cast<std::size_t>(at - window_at_);
    const std::size_t count = std::min(into.size() - done, window_.size() - skip);
    std::memcpy(into.data() + done, window_.data() + skip, count);
    done += count;
  }
  return done;
}

}  // namespace mjwatchd::images
