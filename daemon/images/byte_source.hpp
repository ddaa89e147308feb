// The bytes of a picture, read a piece at a time so that a file of any size needs little memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mjwatchd::images {

/// Random access to bytes. Reads past the end answer fewer bytes, never an error.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
  /// Fills `into` from `offset` on and answers how many bytes there were.
  /// Throws std::system_error when the disk cannot be read.
  virtual std::size_t read(std::uint64_t offset, std::span<unsigned char> into) = 0;

  /// Whether `count` bytes lie at `offset`, without overflow.
  [[nodiscard]] bool has(std::uint64_t offset, std::uint64_t count) const {
    return offset <= size() && count <= size() - offset;
  }
  /// Exactly `count` bytes, or nothing. `count` is small: a header, a name.
  std::optional<std::vector<unsigned char>> take(std::uint64_t offset, std::size_t count);
  /// A big-endian (or little-endian) number of `width` bytes, 1 to 8.
  std::optional<std::uint64_t> big(std::uint64_t offset, unsigned width);
  std::optional<std::uint64_t> little(std::uint64_t offset, unsigned width);
  /// Whether exactly these bytes lie at `offset`.
  bool at(std::uint64_t offset, std::string_view bytes);
};

/// Bytes in memory, which must outlive it.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] std::uint64_t size() const override { return bytes_.size(); }
  std::size_t read(std::uint64_t offset, std::span<unsigned char> into) override;

 private:
  std::string_view bytes_;
};

/// An open file, which it does not own; reads through one 64 KiB window.
class FileSource final : public ByteSource {
 public:
  /// `size` is what counts as the file, however long it is by now.
  FileSource(int fd, std::uint64_t size) : fd_(fd), size_(size) {}
  [[nodiscard]] std::uint64_t size() const override { return size_; }
  std::size_t read(std::uint64_t offset, std::span<unsigned char> into) override;

 private:
  std::size_t pull(std::uint64_t offset, std::span<unsigned char> into) const;
  void fill(std::uint64_t offset);

  int fd_;
  std::uint64_t size_;
  std::vector<unsigned char> window_;
  std::uint64_t window_at_ = 0;
};

}  // namespace mjwatchd::images
