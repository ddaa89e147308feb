// Signed calls to an S3-compatible store.
#pragma once

#include <asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/http/client.hpp"
#include "daemon/images/options.hpp"
#include "daemon/images/s3_address.hpp"

namespace mjwatchd::images {

/// One call. `sha256` is that of the body, in hex; empty: there is no body.
struct S3Request {
  std::string method = "GET";
  std::string key;
  std::string query;  ///< sorted and encoded, as signatures want it
  std::vector<std::string> headers;
  std::string body;
  std::string file;  ///< the body instead: `length` bytes of it from `offset` on
  std::uint64_t offset = 0, length = 0;
  std::string sha256;
  std::function<bool(std::string_view piece)> on_body;  ///< takes the answer; such a call is made once
  std::uint64_t max_body = 1U << 20;
};

/// Makes calls, and again a few times with a pause where that may help: no answer, 429, 5xx. Signature
/// Version 4 by libcurl, which takes the body's hash from us (it would sign an empty one for a file)
/// and the query as it is written.
/// Loop thread only; `io` and `client` must outlive it. No callback runs after its end.
class S3Caller {
 public:
  S3Caller(asio::io_context& io, http::Client& client, const S3Options& options);
  ~S3Caller();
  S3Caller(const S3Caller&) = delete;
  S3Caller& operator=(const S3Caller&) = delete;

  void call(S3Request request, std::function<void(http::Response)> done);
  /// One line about an answer that is not what was wanted: the store's own words where it has some.
  [[nodiscard]] std::string describe(const http::Response& response) const;

 private:
  struct Call;
  void attempt(const std::shared_ptr<Call>& call);
  void answered(const std::shared_ptr<Call>& call, http::Response response);

  asio::io_context& io_;
  http::Client& client_;
  S3Options options_;
  S3Address address_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace mjwatchd::images
