// Makes one attempt to deliver a webhook, over HTTP.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "daemon/http/client.hpp"
#include "daemon/webhooks/address_guard.hpp"
#include "daemon/webhooks/signature.hpp"
#include "mjwatchd/ports.hpp"

namespace mjwatchd::webhooks {

/// For one whole attempt to a URL given with a task.
inline constexpr milliseconds kUrlTimeout{15000};

/// A configured receiver, everything in clear.
struct SenderEndpoint {
  std::string url;
  std::vector<std::string> secrets;  ///< whsec_… or whsk_…; the first is current; empty: unsigned
  std::vector<std::pair<std::string, std::string>> headers;
  milliseconds timeout{15000};
  std::string ca_file, client_cert_file, proxy;
};

struct SenderOptions {
  std::map<std::string, SenderEndpoint> endpoints;  ///< by name
  std::vector<std::string> allow;                   ///< webhooks.allow: CIDRs
  std::vector<OwnListener> own;                     ///< where no URL from outside may lead
};

/// Signs the exact stored bytes and posts them once. URLs given with a task pass the address guard;
/// configured endpoints are the operator's own word. Unsigned only where there is no secret: a
/// notify-hook, or an endpoint without one.
///
/// Lives on the loop's thread; `client` must outlive it. No callback runs after its end, nor from
/// inside send(): even what fails at once is answered by way of `client`'s loop (`post`).
class HttpSender : public Sender {
 public:
  /// What runs a function later on the loop, e.g. asio::post.
  using Post = std::function<void(std::function<void()>)>;
  /// Wall clock; timestamps are taken for each attempt.
  using Clock = std::function<WallTime()>;

  /// Throws std::invalid_argument for a bad CIDR.
  HttpSender(http::Client& client, SenderOptions options, Post post, Clock clock);
  ~HttpSender() override;
  HttpSender(const HttpSender&) = delete;
  HttpSender& operator=(const HttpSender&) = delete;

  void send(Outgoing outgoing, std::function<void(SendResult)> done) override;

  /// For attempts from now on; those in flight end under the old. Throws std::invalid_argument for a
  /// bad CIDR, and then nothing has changed.
  void reload(SenderOptions options);
  /// Ends every attempt with SendFault::cancelled; their callbacks still run.
  void cancel_all();
  [[nodiscard]] std::size_t in_flight() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace mjwatchd::webhooks
