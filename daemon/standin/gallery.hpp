// Pictures by request: drawn off the loop by one worker, kept while they are asked for.
#pragma once

#include <asio/io_context.hpp>
#include <asio/thread_pool.hpp>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/standin/picture.hpp"

namespace mjwatchd::standin {

/// Which pictures a gateway gives.
struct GallerySettings {
  std::vector<PictureKind> kinds{PictureKind::png};  ///< drawn from by id; empty: no pictures at all
  std::optional<std::uint64_t> bytes;                ///< about; nothing: 0.1 to 2 MB by id
};

/// Lives on the loop's thread; `io` must outlive it. Its worker never outlives it.
class Gallery {
 public:
  using Bytes = std::shared_ptr<const std::string>;

  Gallery(asio::io_context& io, GallerySettings settings);
  ~Gallery();

  /// What a task's main picture is; nothing when there are no pictures.
  [[nodiscard]] std::optional<PictureKind> kind_of(const std::string& id) const;
  /// Side in pixels of one of its pictures.
  [[nodiscard]] std::uint32_t side_of(const std::string& id, PictureKind kind) const;
  /// The bytes, later, on the loop's thread; null when they can't be made. Those who ask for the
  /// same picture at the same time share one drawing.
  void get(const std::string& id, int number, PictureKind kind, std::function<void(Bytes)> done);

 private:
  struct Shared;
  asio::io_context& io_;
  GallerySettings settings_;
  std::shared_ptr<Shared> shared_;
  asio::thread_pool worker_;
};

}  // namespace mjwatchd::standin
