#include "daemon/gateway/http_gateway.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <unordered_set>
#include <utility>

#include "daemon/gateway/reply.hpp"
#include "mjwatchd/ascii.hpp"

namespace mjwatchd::gateway {
namespace {

using namespace std::chrono_literals;
using Options = std::shared_ptr<const HttpGatewayOptions>;

constexpr std::uint64_t kBatchBody = 32U << 20;
constexpr std::uint64_t kTaskBody = 4U << 20;
constexpr std::uint64_t kSeedBody = 64U << 10;
constexpr milliseconds kSeedTimeout = 75s;  // it may block for 60 s while the seed is being made
constexpr milliseconds kConnectTimeout = 5s;

HttpGatewayOptions in_order(HttpGatewayOptions options) {
  while (options.url.ends_with('/')) options.url.pop_back();
  while (options.prefix.ends_with('/')) options.prefix.pop_back();
  if (!options.prefix.empty() && options.prefix.front() != '/') options.prefix.insert(0, 1, '/');
  return options;
}

/// Numbers are refused by some servers: ids go as strings.
std::string ids_body(const std::vector<std::string>& ids) {
  rapidjson::StringBuffer text;
  rapidjson::Writer<rapidjson::StringBuffer> writer(text);
  writer.StartObject();
  writer.Key("ids");
  writer.StartArray();
  for (const std::string& id : ids) writer.String(id.data(), static_cast<rapidjson::SizeType>(id.size()));
  writer.EndArray();
  writer.EndObject();
  return {text.GetString(), text.GetSize()};
}

/// One way to say who asks, never two: a server was seen that refuses a call with both.
std::string auth_line(const HttpGatewayOptions& options) {
  if (options.token.empty()) return {};
  return (options.auth == Auth::bearer ? "Authorization: Bearer " : "mj-api-secret: ") + options.token;
}

http::Request request_to(const HttpGatewayOptions& options, const std::string& path, std::uint64_t most) {
  http::Request request;
  request.url = options.url + options.prefix + path;
  request.headers = {"Accept: application/json"};
  if (std::string auth = auth_line(options); !auth.empty()) request.headers.push_back(std::move(auth));
  request.timeout = options.timeout;
  request.connect_timeout = std::min(options.timeout, kConnectTimeout);
  request.keep_body = request.max_body = most;
  request.accept_encoding = true;
  request.proxy = options.proxy;
  request.ca_file = options.ca_file;
  return request;
}

}  // namespace

class HttpGateway::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(http::Client& client, HttpGatewayOptions options) : client_(client) { reload(std::move(options)); }

  void reload(HttpGatewayOptions options) {
    options_ = std::make_shared<const HttpGatewayOptions>(in_order(std::move(options)));
  }

  [[nodiscard]] const Options& options() const { return options_; }

  void fetch(Question question, http::Request request, std::function<void(FetchReply)> done) {
    call(std::move(request),
         [question = std::move(question), options = options_, done = std::move(done)](const http::Response& response) {
           done(sort_reply(response, question, options->token));
         });
  }

  void seed(http::Request request, std::function<void(Seed)> done) {
    call(std::move(request), [options = options_, done = std::move(done)](const http::Response& response) {
      done(sort_seed(response, options->token));
    });
  }

  /// No callback runs after this.
  void close() {
    closed_ = true;
    for (const auto id : in_flight_) client_.cancel(id);
    in_flight_.clear();
  }

 private:
  void call(http::Request request, std::function<void(const http::Response&)> done) {
    const auto id = std::make_shared<http::Client::CallId>();  // known only once the call has started
    *id = client_.start(std::move(request),
                        [weak = weak_from_this(), id, done = std::move(done)](const http::Response& response) {
                          const auto self = weak.lock();
                          if (!self || self->closed_) return;
                          self->in_flight_.erase(*id);
                          done(response);
                        });
    in_flight_.insert(*id);
  }

  http::Client& client_;
  Options options_;
  std::unordered_set<http::Client::CallId> in_flight_;
  bool closed_ = false;
};

HttpGateway::HttpGateway(http::Client& client, HttpGatewayOptions options)
    : impl_(std::make_shared<Impl>(client, std::move(options))) {}

HttpGateway::~HttpGateway() { impl_->close(); }

void HttpGateway::fetch_batch(std::vector<std::string> ids, std::function<void(FetchReply)> done) {
  assert(!ids.empty());
  http::Request request = request_to(*impl_->options(), "/task/list-by-condition", kBatchBody);
  request.method = "POST";
  request.headers.emplace_back("Content-Type: application/json");
  request.body = std::make_shared<const std::string>(ids_body(ids));
  impl_->fetch({true, std::move(ids)}, std::move(request), std::move(done));
}

void HttpGateway::fetch_one(std::string id, std::function<void(FetchReply)> done) {
  http::Request request = request_to(*impl_->options(), "/task/" + percent_encoded(id) + "/fetch", kTaskBody);
  impl_->fetch({false, {std::move(id)}}, std::move(request), std::move(done));
}

void HttpGateway::image_seed(std::string id, std::function<void(Seed)> done) {
  http::Request request = request_to(*impl_->options(), "/task/" + percent_encoded(id) + "/image-seed", kSeedBody);
  request.timeout = std::max(request.timeout, kSeedTimeout);
  impl_->seed(std::move(request), std::move(done));
}

std::string HttpGateway::image_url(const std::string& id) const {
  return impl_->options()->url + impl_->options()->prefix + "/image/" + percent_encoded(id);
}

std::string HttpGateway::auth_header() const { return auth_line(*impl_->options()); }

void HttpGateway::reload(HttpGatewayOptions options) { impl_->reload(std::move(options)); }

}  // namespace mjwatchd::gateway
