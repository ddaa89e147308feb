#include "daemon/images/s3_caller.hpp"

#include <asio/steady_timer.hpp>
#include <chrono>
#include <utility>

#include "mjwatchd/ascii.hpp"

namespace mjwatchd::images {
namespace {

constexpr std::string_view kHashOfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr int kTries = 3;
constexpr milliseconds kFirstPause{300};   ///< then four times as long
constexpr milliseconds kStall{30000};      ///< nothing moved for so long
constexpr milliseconds kTimeout{300'000};  ///< of one call: a part of 8 MiB on a slow line

bool may_help(const http::Response& response) {
  if (response.status == 429 || response.status >= 500) return true;
  if (response.status != 0) return false;
  return response.fault == http::Fault::dns || response.fault == http::Fault::connect ||
         response.fault == http::Fault::timeout || response.fault == http::Fault::broken ||
         response.fault == http::Fault::proxy;
}

}  // namespace

struct S3Caller::Call {
  explicit Call(asio::io_context& io) : pause(io) {}
  S3Request request;
  std::shared_ptr<const std::string> body;
  std::function<void(http::Response)> done;
  int tries = 0;
  asio::steady_timer pause;
};

S3Caller::S3Caller(asio::io_context& io, http::Client& client, const S3Options& options)
    : io_(io), client_(client), options_(options), address_(options.endpoint, options.bucket, options.path_style) {}

S3Caller::~S3Caller() { *alive_ = false; }

void S3Caller::call(S3Request request, std::function<void(http::Response)> done) {
  auto call = std::make_shared<Call>(io_);
  call->body = std::make_shared<const std::string>(std::move(request.body));
  call->request = std::move(request);
  call->done = std::move(done);
  attempt(call);
}

void S3Caller::attempt(const std::shared_ptr<Call>& call) {
  const S3Request& from = call->request;
  ++call->tries;
  http::Request request;
  request.method = from.method;
  request.url = address_.url(from.key, from.query);
  request.headers = from.headers;
  request.headers.push_back("x-amz-content-sha256: " +
                            (from.sha256.empty() ? std::string(kHashOfNothing) : from.sha256));
  if (!options_.session_token.empty()) request.headers.push_back("x-amz-security-token: " + options_.session_token);
  request.aws_sigv4 = "aws:amz:" + options_.region + ":s3";
  request.userpwd = options_.access_key + ":" + options_.secret_key;
  request.upload_file = from.file;
  request.upload_offset = from.offset;
  request.upload_length = from.length;
  if (from.file.empty() && !call->body->empty()) request.body = call->body;
  request.timeout = kTimeout;
  request.stall_timeout = kStall;
  request.proxy = options_.proxy;
  request.ca_file = options_.ca_file;
  request.max_body = from.max_body;
  if (from.on_body) {
    request.keep_body = 0;
    request.on_head = [](const http::Response& head) { return head.status == 200; };
    request.on_body = from.on_body;
  }
  client_.start(std::move(request), [this, call, alive = alive_](http::Response response) {
    if (*alive) answered(call, std::move(response));
  });
}

void S3Caller::answered(const std::shared_ptr<Call>& call, http::Response response) {
  if (call->request.on_body || call->tries >= kTries || !may_help(response)) {
    const auto done = std::move(call->done);
    return done(std::move(response));
  }
  call->pause.expires_after(kFirstPause * (1 << (2 * (call->tries - 1))));
  call->pause.async_wait([this, call, alive = alive_](const asio::error_code& error) {
    if (!error && *alive) attempt(call);
  });
}

std::string S3Caller::describe(const http::Response& response) const {
  const std::string where = "s3://" + options_.bucket + " at " + options_.endpoint + ": ";
  if (response.status == 0) return where + response.detail;
  const std::string code = xml_text(response.body, "Code"), message = xml_text(response.body, "Message");
  std::string text = where + "answered " + std::to_string(response.status);
  if (!code.empty()) text += " " + code;
  if (!message.empty()) text += ": " + message;
  if (const auto region = response.header("x-amz-bucket-region"); !region.empty() && region != options_.region) {
    text += "; the bucket is in " + std::string(region) + ", images.s3.region says " + options_.region;
  } else if (code.empty() && !response.detail.empty()) {
    text += ": " + response.detail;
  }
  return on_one_line(text.substr(0, 500));
}

}  // namespace mjwatchd::images
