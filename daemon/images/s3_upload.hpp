// One verified file on its way into a bucket.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/images/file_worker.hpp"
#include "daemon/images/s3_caller.hpp"
#include "daemon/images/shelf.hpp"

namespace mjwatchd::images {

/// Up to this size in one PUT, above it in parts of at least this size (S3 allows 5 MiB and up).
inline constexpr std::uint64_t kPartSize = 8U << 20;
/// S3's limit.
inline constexpr std::uint64_t kMostParts = 10'000;

/// Looks whether the same content is there already; else puts it there, in one call or in parts, each
/// with its SHA-256, which the store checks; after parts, looks again how long the object is. A failed
/// upload in parts is aborted. Keeps itself alive until its answer; dropped with the caller.
class S3Upload : public std::enable_shared_from_this<S3Upload> {
 public:
  /// `caller` and `worker` must outlive it.
  S3Upload(S3Caller& caller, FileWorker& worker, std::string key, Shelf::Item item);
  /// `done` gets nothing when the object is there, else why not.
  void start(std::function<void(std::string error)> done);

 private:
  using Next = void (S3Upload::*)(http::Response);
  void call(S3Request request, Next next);
  void looked(http::Response response);
  void put_whole();
  void whole_put(http::Response response);
  void begin_parts();
  void parts_begun(http::Response response);
  void hash_part();
  void put_part(const std::string& sha256);
  void part_put(http::Response response);
  void complete();
  void completed(http::Response response);
  void looked_again(http::Response response);
  void fail(const std::string& why);
  [[nodiscard]] bool same(const http::Response& head) const;
  [[nodiscard]] S3Request request(std::string method) const;
  [[nodiscard]] std::vector<std::string> facts() const;
  [[nodiscard]] std::uint64_t offset() const { return etags_.size() * part_size_; }
  [[nodiscard]] std::uint64_t length() const { return std::min(part_size_, item_.facts.bytes - offset()); }

  S3Caller& caller_;
  FileWorker& worker_;
  std::string key_;
  Shelf::Item item_;
  std::function<void(std::string)> done_;
  std::uint64_t part_size_ = kPartSize;
  std::string upload_id_;
  std::vector<std::string> etags_;
};

}  // namespace mjwatchd::images
