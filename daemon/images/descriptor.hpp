// A file descriptor that closes itself.
#pragma once

#include <unistd.h>

#include <utility>

namespace mjwatchd::images {

/// Owns one descriptor, or none (-1).
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Descriptor() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  /// Whatever matters was synced before, and close() on Linux closes even when it reports an error.
  void reset() {
    if (fd_ >= 0) static_cast<void>(::close(fd_));
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

}  // namespace mjwatchd::images
