// A bucket of an S3-compatible store as the place where pictures stay.
#pragma once

#include <memory>

#include "daemon/images/s3_upload.hpp"
#include "daemon/images/shelf.hpp"

namespace mjwatchd::images {

/// Loop thread only; `io`, `client` and `worker` must outlive it.
class S3Shelf final : public Shelf {
 public:
  /// `folder`: where pictures that are brought back are put, as files that a restart may remove.
  S3Shelf(asio::io_context& io, http::Client& client, FileWorker& worker, S3Options options, std::string folder);

  [[nodiscard]] std::string path_of(const std::vector<std::string>& name) const override;
  void put(Item item, std::function<void(std::string error)> done) override;
  void get(const SavedImage& image, std::function<void(std::string file, std::string error)> done) override;
  void remove(const SavedImage& image, std::function<void(std::string error)> done) override;

 private:
  struct Fetch;
  [[nodiscard]] std::string key_of(const std::vector<std::string>& name) const;
  /// The key of a path that is in our bucket and under our prefix; empty for any other.
  [[nodiscard]] std::string key_of(const std::string& path) const;
  void fetched(const std::shared_ptr<Fetch>& fetch, const http::Response& response);

  FileWorker& worker_;
  S3Options options_;
  std::string folder_;
  S3Caller caller_;
};

}  // namespace mjwatchd::images
