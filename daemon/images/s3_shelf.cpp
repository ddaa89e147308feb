#include "daemon/images/s3_shelf.hpp"

#include <fcntl.h>

#include <cerrno>
#include <charconv>
#include <system_error>
#include <utility>

#include "daemon/images/descriptor.hpp"
#include "daemon/images/digest.hpp"
#include "daemon/images/part_file.hpp"

namespace mjwatchd::images {

/// A picture on its way back. Its bytes are written by the loop: somebody waits for it, and the page
/// cache takes them.
struct S3Shelf::Fetch {
  SavedImage image;
  std::function<void(std::string, std::string)> done;
  std::string path, trouble;
  Descriptor file;
  Digest digest;
  std::uint64_t bytes = 0;

  bool take(std::string_view piece) {
    digest.add(piece);
    bytes += piece.size();
    while (!piece.empty()) {
      const ssize_t wrote = ::write(file.get(), piece.data(), piece.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) {
        trouble = path + " can't be written: " + std::generic_category().message(errno);
        return false;
      }
      piece.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return true;
  }
};

S3Shelf::S3Shelf(asio::io_context& io, http::Client& client, FileWorker& worker, S3Options options, std::string folder)
    : worker_(worker), options_(std::move(options)), folder_(std::move(folder)), caller_(io, client, options_) {}

std::string S3Shelf::key_of(const std::vector<std::string>& name) const {
  std::string key = options_.prefix;
  for (const std::string& part : name) key += (key.empty() ? "" : "/") + part;
  return key;
}

std::string S3Shelf::path_of(const std::vector<std::string>& name) const {
  return "s3://" + options_.bucket + "/" + key_of(name);
}

std::string S3Shelf::key_of(const std::string& path) const {
  const std::string bucket = "s3://" + options_.bucket + "/";
  const std::string ours = bucket + options_.prefix + (options_.prefix.empty() ? "" : "/");
  return path.starts_with(ours) && path.size() > ours.size() ? path.substr(bucket.size()) : std::string();
}

void S3Shelf::put(Item item, std::function<void(std::string)> done) {
  std::string key = key_of(item.name);
  std::make_shared<S3Upload>(caller_, worker_, std::move(key), std::move(item))->start(std::move(done));
}

void S3Shelf::get(const SavedImage& image, std::function<void(std::string, std::string)> done) {
  auto fetch = std::make_shared<Fetch>();
  fetch->image = image;
  fetch->done = std::move(done);
  S3Request request;
  request.key = key_of(image.path);
  if (request.key.empty()) {
    fetch->trouble =
        image.path + " is not in the present images.directory, s3://" + options_.bucket + "/" + options_.prefix;
    return worker_.later([fetch] { fetch->done({}, fetch->trouble); });
  }
  fetch->path = folder_ + "/" + part_name("fetched");
  fetch->file = make_part(AT_FDCWD, fetch->path, 0600);
  if (!fetch->file) {
    fetch->trouble = fetch->path + " can't be made: " + std::generic_category().message(errno);
    return worker_.later([fetch] { fetch->done({}, fetch->trouble); });
  }
  request.max_body = image.bytes + 1;
  request.on_body = [fetch](std::string_view piece) { return fetch->take(piece); };
  caller_.call(std::move(request), [this, fetch](const http::Response& response) { fetched(fetch, response); });
}

void S3Shelf::fetched(const std::shared_ptr<Fetch>& fetch, const http::Response& response) {
  std::string error = fetch->trouble;
  if (error.empty() && (response.status != 200 || response.fault != http::Fault::none)) {
    error = caller_.describe(response);
  }
  if (error.empty() && fetch->digest.finish() != fetch->image.sha256) {
    error = fetch->image.path + " is not what was saved: somebody changed it";
  }
  fetch->file.reset();
  if (!error.empty()) {
    static_cast<void>(::unlink(fetch->path.c_str()));
    return fetch->done({}, error);
  }
  fetch->done(fetch->path, {});
}

void S3Shelf::remove(const SavedImage& image, std::function<void(std::string)> done) {
  S3Request look;
  look.method = "HEAD";
  look.key = key_of(image.path);
  if (look.key.empty()) return worker_.later([done = std::move(done)] { done({}); });  // not ours
  caller_.call(look, [this, image, key = look.key, done = std::move(done)](const http::Response& head) mutable {
    if (head.status == 404) return done({});
    if (head.status != 200) return done(caller_.describe(head));
    if (head.header("x-amz-meta-sha256") != image.sha256) return done({});  // another one by now
    S3Request request;
    request.method = "DELETE";
    request.key = std::move(key);
    caller_.call(std::move(request), [this, done = std::move(done)](const http::Response& response) {
      const bool gone = (response.status >= 200 && response.status < 300) || response.status == 404;
      done(gone ? std::string() : caller_.describe(response));
    });
  });
}

}  // namespace mjwatchd::images
