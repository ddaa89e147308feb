// Whether the disk takes pictures.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "daemon/images/file_worker.hpp"
#include "daemon/images/part_file.hpp"
#include "mjwatchd/time.hpp"

namespace mjwatchd::images {

/// The pause in saving while the disk is full, read-only or failing. A picture that could not be written
/// raises the question; a file of its size that is made and removed again answers it: at once, for the
/// trouble may be that picture's alone, and then now and then until the disk takes it.
/// Owned by the store; loop thread only. All references must outlive it.
class DiskPause {
 public:
  /// `resumed` is told the end of each pause; may be empty.
  DiskPause(asio::io_context& io, FileWorker& worker, const PictureFolder& folder, milliseconds look_again,
            std::function<void()> resumed);

  /// A picture of `size` bytes (0: not known) found no place.
  void suspect(std::uint64_t size);
  /// Why nothing is saved; empty while pictures are.
  [[nodiscard]] const std::string& paused() const { return reason_; }

 private:
  void look();
  void looked(const std::string& trouble);
  void look_later();

  FileWorker& worker_;
  const PictureFolder& folder_;
  milliseconds look_again_;
  std::function<void()> resumed_;
  asio::steady_timer timer_;
  bool looking_ = false;  // or waiting to
  std::uint64_t size_ = 0;
  std::string reason_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace mjwatchd::images
