#include "daemon/webhooks/http_sender.hpp"

#include <chrono>
#include <optional>

#include "daemon/http/header_text.hpp"
#include "daemon/http/own_headers.hpp"
#include "daemon/webhooks/body.hpp"
#include "daemon/webhooks/http_date.hpp"
#include "mjwatchd/ascii.hpp"

namespace mjwatchd::webhooks {
namespace {

constexpr std::uint64_t kKeepAnswer = 16U << 10U;
constexpr std::uint64_t kLongestAnswer = 64U << 10U;
constexpr std::size_t kReadAtOnce = 1024;  // most answers fit; curl gets this room anew for each request
constexpr milliseconds kConnectTimeout{5000};
constexpr std::size_t kLongestDetail = 500;
constexpr std::size_t kOwnHeaders = 5;
constexpr std::string_view kAgent = "user-agent: mjwatchd/" MJWATCHD_VERSION;

/// A configured endpoint, everything that is the same for each of its attempts made ready.
struct Endpoint {
  SenderEndpoint given;
  std::vector<SigningKey> keys;
  std::vector<std::string> headers;  ///< "Name: value"
  std::string unusable;              ///< why nothing can be sent to it
};

SendFault fault_of(http::Fault fault) {
  switch (fault) {
    case http::Fault::none:
      return SendFault::none;
    case http::Fault::invalid_url:
      return SendFault::invalid;
    case http::Fault::dns:
      return SendFault::dns;
    case http::Fault::connect:
      return SendFault::connect;
    case http::Fault::tls:
      return SendFault::tls;
    case http::Fault::timeout:
      return SendFault::timeout;
    case http::Fault::refused_address:
      return SendFault::refused_address;
    case http::Fault::proxy:
      return SendFault::proxy;
    case http::Fault::cancelled:
      return SendFault::cancelled;
    case http::Fault::broken:
    case http::Fault::too_large:
    case http::Fault::aborted:
      return SendFault::broken;
  }
  return SendFault::broken;
}

milliseconds to_ms(http::microseconds time) { return std::chrono::duration_cast<milliseconds>(time); }

// One line, without control characters: it goes to logs and terminals.
std::string one_line(std::string_view text) { return on_one_line(std::string(text.substr(0, kLongestDetail))); }

SendResult to_result(http::Response response, WallTime started, WallTime now) {
  SendResult result;
  result.started_at = started;
  result.fault = fault_of(response.fault);
  // A proxy's answer, and what came of an exchange we stopped, are not the receiver's.
  const bool receivers = result.fault != SendFault::proxy && result.fault != SendFault::cancelled;
  if (receivers) result.http_status = response.status;
  result.detail = one_line(response.detail);
  if (result.http_status >= 300 && result.http_status < 400) {
    result.detail = "redirects to " + one_line(response.header("location")) + ", which is not followed";
  }
  if (receivers) result.retry_after = parse_retry_after(response.header("retry-after"), now);
  result.answer = std::move(response.body);
  if (result.answer.size() > kKeepAnswer) result.answer.resize(kKeepAnswer);
  result.dns = to_ms(response.timings.dns);
  result.connect = to_ms(response.timings.connect);
  result.tls = to_ms(response.timings.tls);
  result.first_byte = to_ms(response.timings.first_byte);
  result.total = to_ms(response.timings.total);
  return result;
}

/// Why a custom header cannot be used; empty when it can.
std::string refuse_header(const std::string& name, const std::string& value) {
  if (!http::is_token(name)) return "the header's name is not an HTTP token";
  if (http::is_own_header(name)) return "the header " + name + " is set by mjwatchd";
  return http::has_control(value) ? "the header " + name + " has a control character in its value" : std::string();
}

std::optional<std::vector<SigningKey>> parse_keys(const std::vector<std::string>& secrets, std::string& why) {
  std::vector<SigningKey> keys;
  for (const std::string& secret : secrets) {
    auto key = parse_signing_key(secret, &why);
    if (!key) return std::nullopt;
    keys.push_back(std::move(*key));
  }
  return keys;
}

Endpoint make_ready(SenderEndpoint given) {
  Endpoint ready;
  if (auto keys = parse_keys(given.secrets, ready.unusable)) ready.keys = std::move(*keys);
  for (const auto& [name, value] : given.headers) {
    if (const std::string why = refuse_header(name, value); !why.empty()) ready.unusable = why;
    ready.headers.push_back(name + ": " + value);
  }
  ready.given = std::move(given);
  return ready;
}

std::map<std::string, Endpoint> make_ready(std::map<std::string, SenderEndpoint> endpoints) {
  std::map<std::string, Endpoint> ready;
  for (auto& [name, endpoint] : endpoints) ready.emplace(name, make_ready(std::move(endpoint)));
  return ready;
}

}  // namespace

class HttpSender::Impl : public std::enable_shared_from_this<HttpSender::Impl> {
 public:
  Impl(http::Client& client, SenderOptions options, Post post, Clock clock)
      : client_(client),
        post_(std::move(post)),
        clock_(std::move(clock)),
        policy_(options.allow, "webhooks.allow", options.own),
        endpoints_(make_ready(std::move(options.endpoints))) {}

  void send(const Outgoing& outgoing, std::function<void(SendResult)> done) {
    const WallTime started = clock_();
    std::string why;
    auto request = prepare(outgoing, started, why);
    if (!request) {
      SendResult result;
      result.fault = SendFault::invalid;
      result.detail = why;
      result.started_at = started;
      post_([weak = weak_from_this(), result = std::move(result), done = std::move(done)] {
        if (weak.lock()) done(result);
      });
      return;
    }
    const std::uint64_t number = ++last_;
    const auto call = client_.start(std::move(*request), [weak = weak_from_this(), number, started,
                                                          done = std::move(done)](http::Response response) {
      const auto self = weak.lock();
      if (!self) return;
      self->calls_.erase(number);
      done(to_result(std::move(response), started, self->clock_()));
    });
    calls_.emplace(number, call);
  }

  void reload(SenderOptions options) {
    AddressPolicy policy(options.allow, "webhooks.allow", options.own);
    policy_ = std::move(policy);
    endpoints_ = make_ready(std::move(options.endpoints));
  }

  void cancel_all() {
    for (const auto& [number, call] : calls_) client_.cancel(call);
  }

  [[nodiscard]] std::size_t in_flight() const { return calls_.size(); }

 private:
  std::optional<http::Request> prepare(const Outgoing& outgoing, WallTime now, std::string& why) const {
    if (!outgoing.body) {
      why = "there is no body to send";
      return std::nullopt;
    }
    http::Request request;
    request.method = "POST";
    request.body = outgoing.body;
    request.connect_timeout = kConnectTimeout;
    request.keep_body = kKeepAnswer;
    request.max_body = kLongestAnswer;
    request.read_at_once = kReadAtOnce;
    request.read_to_limit = true;  // a long page tells at its beginning what went wrong
    request.headers.reserve(kOwnHeaders);
    request.headers.push_back("content-type: " + std::string(content_type(outgoing.format)));
    request.headers.push_back("webhook-id: " + outgoing.webhook_id);
    why = outgoing.endpoint.empty() ? to_url(outgoing, now, request) : to_endpoint(outgoing, now, request);
    if (!why.empty()) return std::nullopt;
    return request;
  }

  // All three answer why it can't be; nothing when it can.

  std::string to_url(const Outgoing& outgoing, WallTime now, http::Request& request) const {
    const std::string& secret = outgoing.target.secret;
    if (secret.empty() && outgoing.format != BodyFormat::notify_hook) {
      return "a URL given with a task needs its own secret";
    }
    std::string why;
    const auto keys = parse_keys(secret.empty() ? std::vector<std::string>{} : std::vector{secret}, why);
    if (!keys) return why;
    request.url = outgoing.target.url;
    request.timeout = kUrlTimeout;
    request.guard = policy_.guard();
    request.headers.emplace_back(kAgent);
    return add_signature(*keys, outgoing, now, request);
  }

  std::string to_endpoint(const Outgoing& outgoing, WallTime now, http::Request& request) const {
    const auto found = endpoints_.find(outgoing.endpoint);
    if (found == endpoints_.end()) return "the endpoint " + outgoing.endpoint + " is not in the configuration";
    const Endpoint& endpoint = found->second;
    if (!endpoint.unusable.empty()) return endpoint.unusable;
    request.url = endpoint.given.url;
    request.timeout = endpoint.given.timeout;
    request.ca_file = endpoint.given.ca_file;
    request.client_cert_file = endpoint.given.client_cert_file;
    request.proxy = endpoint.given.proxy;
    request.headers.emplace_back(kAgent);
    request.headers.insert(request.headers.end(), endpoint.headers.begin(), endpoint.headers.end());
    return add_signature(endpoint.keys, outgoing, now, request);
  }

  static std::string add_signature(const std::vector<SigningKey>& keys, const Outgoing& outgoing, WallTime now,
                                   http::Request& request) {
    const std::int64_t seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
    request.headers.push_back("webhook-timestamp: " + std::to_string(seconds));
    if (keys.empty()) return {};
    const auto signature = sign(keys, outgoing.webhook_id, seconds, *outgoing.body);
    if (!signature) return "the body could not be signed; a whpk_ key only verifies";
    request.headers.push_back("webhook-signature: " + *signature);
    return {};
  }

  http::Client& client_;
  Post post_;
  Clock clock_;
  AddressPolicy policy_;
  std::map<std::string, Endpoint> endpoints_;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, http::Client::CallId> calls_;
};

HttpSender::HttpSender(http::Client& client, SenderOptions options, Post post, Clock clock)
    : impl_(std::make_shared<Impl>(client, std::move(options), std::move(post), std::move(clock))) {}
// What is in flight is ended, so that no connection works for nobody.
HttpSender::~HttpSender() { impl_->cancel_all(); }

void HttpSender::send(Outgoing outgoing, std::function<void(SendResult)> done) {
  impl_->send(outgoing, std::move(done));
}
void HttpSender::reload(SenderOptions options) { impl_->reload(std::move(options)); }
void HttpSender::cancel_all() { impl_->cancel_all(); }
std::size_t HttpSender::in_flight() const { return impl_->in_flight(); }

}  // namespace mjwatchd::webhooks
