#include "daemon/webhooks/http_sender.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>

#include "daemon/webhooks/body.hpp"
#include "daemon/webhooks/http_date.hpp"

namespace mjwatchd::webhooks {
namespace {

constexpr std::uint64_t kKeepAnswer = 16U << 10U;
constexpr std::uint64_t kLongestAnswer = 64U << 10U;
constexpr milliseconds kConnectTimeout{5000};
constexpr std::size_t kLongestDetail = 500;

/// What an attempt is made of, whoever the receiver is.
struct Target {
  std::string url;
  std::vector<std::string> secrets;
  const SenderEndpoint* endpoint = nullptr;  ///< null for a URL given with a task
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
std::string one_line(std::string_view text) {
  std::string line(text.substr(0, kLongestDetail));
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return line;
}

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

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

bool is_token(std::string_view name) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           others.find(c) != std::string_view::npos;
  });
}

}  // namespace

std::string refuse_header(const std::string& name, const std::string& value) {
  if (!is_token(name)) return "the header's name is not an HTTP token";
  const std::string low = lower(name);
  static const std::set<std::string> framing{"host",    "transfer-encoding", "connection",          "keep-alive", "te",
                                             "trailer", "upgrade",           "proxy-authorization", "expect"};
  if (low.starts_with("webhook-") || low.starts_with("content-") || framing.contains(low)) {
    return "the header " + name + " is set by mjwatchd";
  }
  const bool control = std::any_of(value.begin(), value.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
  });
  return control ? "the header " + name + " has a control character in its value" : std::string();
}

class HttpSender::Impl : public std::enable_shared_from_this<HttpSender::Impl> {
 public:
  Impl(http::Client& client, SenderOptions options, Post post, Clock clock)
      : client_(client),
        post_(std::move(post)),
        clock_(std::move(clock)),
        policy_(options.allow, "webhooks.allow", options.own),
        options_(std::move(options)) {}

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
    options_ = std::move(options);
  }

  void cancel_all() {
    for (const auto& [number, call] : calls_) client_.cancel(call);
  }

  [[nodiscard]] std::size_t in_flight() const { return calls_.size(); }

 private:
  std::optional<http::Request> prepare(const Outgoing& outgoing, WallTime now, std::string& why) const {
    const auto target = find_target(outgoing, why);
    if (!target) return std::nullopt;
    if (!outgoing.body) {
      why = "there is no body to send";
      return std::nullopt;
    }
    http::Request request;
    request.method = "POST";
    request.url = target->url;
    request.body = outgoing.body;
    request.connect_timeout = kConnectTimeout;
    request.timeout = kUrlTimeout;
    request.keep_body = kKeepAnswer;
    request.max_body = kLongestAnswer;
    request.headers = {"content-type: " + std::string(content_type(outgoing.format)),
                       "user-agent: mjwatchd/" MJWATCHD_VERSION, "webhook-id: " + outgoing.webhook_id};
    if (!add_signature(*target, outgoing, now, request, why)) return std::nullopt;
    if (target->endpoint == nullptr) {
      request.guard = policy_.guard();
    } else if (!apply(*target->endpoint, request, why)) {
      return std::nullopt;
    }
    return request;
  }

  std::optional<Target> find_target(const Outgoing& outgoing, std::string& why) const {
    if (outgoing.endpoint.empty()) {
      Target target{outgoing.target.url, {}, nullptr};
      if (!outgoing.target.secret.empty()) target.secrets.push_back(outgoing.target.secret);
      if (target.secrets.empty() && outgoing.format != BodyFormat::notify_hook) {
        why = "a URL given with a task needs its own secret";
        return std::nullopt;
      }
      return target;
    }
    const auto found = options_.endpoints.find(outgoing.endpoint);
    if (found == options_.endpoints.end()) {
      why = "the endpoint " + outgoing.endpoint + " is not in the configuration";
      return std::nullopt;
    }
    return Target{found->second.url, found->second.secrets, &found->second};
  }

  static bool add_signature(const Target& target, const Outgoing& outgoing, WallTime now, http::Request& request,
                            std::string& why) {
    const std::int64_t seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
    request.headers.push_back("webhook-timestamp: " + std::to_string(seconds));
    if (target.secrets.empty()) return true;
    std::vector<SigningKey> keys;
    for (const std::string& secret : target.secrets) {
      auto key = parse_signing_key(secret, &why);
      if (!key) return false;
      keys.push_back(std::move(*key));
    }
    const auto signature = sign(keys, outgoing.webhook_id, seconds, *outgoing.body);
    if (!signature) {
      why = "the body could not be signed; a whpk_ key only verifies";
      return false;
    }
    request.headers.push_back("webhook-signature: " + *signature);
    return true;
  }

  static bool apply(const SenderEndpoint& endpoint, http::Request& request, std::string& why) {
    request.timeout = endpoint.timeout;
    request.ca_file = endpoint.ca_file;
    request.client_cert_file = endpoint.client_cert_file;
    request.proxy = endpoint.proxy;
    for (const auto& [name, value] : endpoint.headers) {
      why = refuse_header(name, value);
      if (!why.empty()) return false;
      if (lower(name) == "user-agent") {
        std::erase_if(request.headers, [](const std::string& line) { return line.starts_with("user-agent:"); });
      }
      request.headers.push_back(name + ": " + value);
    }
    return true;
  }

  http::Client& client_;
  Post post_;
  Clock clock_;
  AddressPolicy policy_;
  SenderOptions options_;
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
