// The thumbnails of saved pictures, each made once and kept.
#pragma once

#include <asio/io_context.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/images/file_worker.hpp"

namespace mjwatchd::page {

/// Files named after their picture's SHA-256, in folders of the first two digits. Made on a thread of its own, one
/// at a time; at most kMostBytes are kept, the oldest going first. They can be removed at any
/// time: they are made again.
///
/// Owned and called on the loop's thread; `io` must outlive it.
class Thumbnails {
 public:
  /// `file` is the thumbnail; empty when `error` says why there is none.
  using Done = std::function<void(const std::string& file, const std::string& error)>;

  static constexpr std::uint64_t kMostBytes = 1U << 30;

  Thumbnails(asio::io_context& io, std::filesystem::path folder, std::uint64_t most_bytes = kMostBytes);

  /// The thumbnail's file, if it was made already. Looks at the disk.
  [[nodiscard]] std::string kept(const std::string& sha256) const;
  /// Makes it of the picture in `file`, unless that is done or under way; answers later, on the loop.
  void make(const std::string& sha256, const std::string& file, Done done);
  /// Removes those of pictures that were removed; later.
  void forget(std::vector<std::string> sha256);

 private:
  struct Result {
    std::string file, error;
  };
  [[nodiscard]] static bool is_digest(std::string_view text);
  [[nodiscard]] std::filesystem::path place_of(std::string_view sha256) const;
  // On the worker's thread.
  [[nodiscard]] Result make_now(const std::string& sha256, const std::string& file);
  void make_room();

  std::filesystem::path folder_;
  std::uint64_t most_bytes_;
  std::uint64_t bytes_ = 0;  ///< the worker's; what is kept, once it has looked
  bool looked_ = false;      ///< the worker's
  std::map<std::string, std::vector<Done>> waiting_;
  images::FileWorker worker_;  ///< last: it ends first
};

}  // namespace mjwatchd::page
