#include "daemon/images/s3_upload.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>
#include <utility>

#include "daemon/images/descriptor.hpp"
#include "daemon/images/digest.hpp"

namespace mjwatchd::images {
namespace {

bool good(const http::Response& response) {
  return response.fault == http::Fault::none && response.status >= 200 && response.status < 300;
}

/// The SHA-256 of a part of a file, in hex. Throws std::system_error.
std::string hash_of(const std::string& path, std::uint64_t offset, std::uint64_t length) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw std::system_error(errno, std::generic_category(), path);
  Digest digest;
  std::vector<char> piece(256U << 10);
  while (length > 0) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(length, piece.size()));
    const ssize_t got = ::pread(file.get(), piece.data(), want, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw std::system_error(got < 0 ? errno : EIO, std::generic_category(), path);
    digest.add({piece.data(), static_cast<std::size_t>(got)});
    offset += static_cast<std::uint64_t>(got);
    length -= static_cast<std::uint64_t>(got);
  }
  return digest.finish();
}

}  // namespace

S3Upload::S3Upload(S3Caller& caller, FileWorker& worker, std::string key, Shelf::Item item)
    : caller_(caller), worker_(worker), key_(std::move(key)), item_(std::move(item)) {
  part_size_ = std::max(kPartSize, item_.facts.bytes / kMostParts + 1);
}

S3Request S3Upload::request(std::string method) const {
  S3Request request;
  request.method = std::move(method);
  request.key = key_;
  return request;
}

void S3Upload::call(S3Request request, Next next) {
  caller_.call(std::move(request),
               [self = shared_from_this(), next](http::Response response) { ((*self).*next)(std::move(response)); });
}

void S3Upload::start(std::function<void(std::string)> done) {
  done_ = std::move(done);
  call(request("HEAD"), &S3Upload::looked);
}

bool S3Upload::same(const http::Response& head) const {
  std::uint64_t length = 0;
  const std::string_view text = head.header("content-length");
  std::from_chars(text.data(), text.data() + text.size(), length);
  return good(head) && length == item_.facts.bytes && head.header("x-amz-meta-sha256") == item_.facts.sha256;
}

/// Whatever the answer was: only the same content makes putting it unnecessary.
void S3Upload::looked(http::Response response) {
  if (same(response)) return done_({});
  if (response.status == 0) return fail(caller_.describe(response));
  if (item_.facts.bytes <= kPartSize) return put_whole();
  begin_parts();
}

std::vector<std::string> S3Upload::facts() const {
  return {"content-type: " + item_.facts.content_type, "x-amz-meta-sha256: " + item_.facts.sha256};
}

void S3Upload::put_whole() {
  S3Request wish = request("PUT");
  wish.headers = facts();
  wish.file = item_.file;
  wish.length = item_.facts.bytes;
  wish.sha256 = item_.facts.sha256;
  call(std::move(wish), &S3Upload::whole_put);
}

void S3Upload::whole_put(http::Response response) {
  if (!good(response)) return fail(caller_.describe(response));
  done_({});
}

void S3Upload::begin_parts() {
  S3Request wish = request("POST");
  wish.query = "uploads=";
  wish.headers = facts();
  call(std::move(wish), &S3Upload::parts_begun);
}

void S3Upload::parts_begun(http::Response response) {
  upload_id_ = xml_text(response.body, "UploadId");
  if (!good(response) || upload_id_.empty()) return fail(caller_.describe(response));
  hash_part();
}

void S3Upload::hash_part() {
  if (offset() >= item_.facts.bytes) return complete();
  const auto sha256 = std::make_shared<std::string>();
  auto work = [sha256, file = item_.file, from = offset(), count = length()] {
    try {
      *sha256 = hash_of(file, from, count);
    } catch (const std::exception&) {
      sha256->clear();
    }
  };
  auto then = [self = shared_from_this(), sha256] {
    if (sha256->empty()) return self->fail(self->item_.file + " can't be read");
    self->put_part(*sha256);
  };
  if (!worker_.post(std::move(work), std::move(then))) fail("too much waits for the disk");
}

void S3Upload::put_part(const std::string& sha256) {
  S3Request wish = request("PUT");
  wish.query = "partNumber=" + std::to_string(etags_.size() + 1) + "&uploadId=" + encode_key(upload_id_);
  wish.file = item_.file;
  wish.offset = offset();
  wish.length = length();
  wish.sha256 = sha256;
  call(std::move(wish), &S3Upload::part_put);
}

void S3Upload::part_put(http::Response response) {
  const auto etag = response.header("etag");
  if (!good(response) || etag.empty()) return fail(caller_.describe(response));
  etags_.emplace_back(etag);
  hash_part();
}

void S3Upload::complete() {
  S3Request wish = request("POST");
  wish.query = "uploadId=" + encode_key(upload_id_);
  wish.body = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
  for (std::size_t i = 0; i < etags_.size(); ++i) {
    wish.body += "<Part><PartNumber>" + std::to_string(i + 1) + "</PartNumber><ETag>" + xml_escaped(etags_[i]) +
                 "</ETag></Part>";
  }
  wish.body += "</CompleteMultipartUpload>";
  wish.headers = {"content-type: application/xml"};
  Digest digest;
  digest.add(wish.body);
  wish.sha256 = digest.finish();
  call(std::move(wish), &S3Upload::completed);
}

/// 200 may still hold an error: S3 answers the head before it has put the parts together.
void S3Upload::completed(http::Response response) {
  if (!good(response) || response.body.find("<Error>") != std::string::npos) return fail(caller_.describe(response));
  call(request("HEAD"), &S3Upload::looked_again);
}

void S3Upload::looked_again(http::Response response) {
  upload_id_.clear();
  if (same(response)) return done_({});
  fail(caller_.describe(response) + ": the object put together is not the picture that was sent");
}

void S3Upload::fail(const std::string& why) {
  if (!upload_id_.empty()) {
    S3Request abort = request("DELETE");
    abort.query = "uploadId=" + encode_key(upload_id_);
    // What can't be aborted now is left to the bucket's own rule for unfinished uploads.
    caller_.call(std::move(abort), [](const http::Response&) {});
  }
  done_(why);
}

}  // namespace mjwatchd::images
