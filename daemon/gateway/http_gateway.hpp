// One task API over HTTP: the four calls of the wire.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/http/client.hpp"
#include "mjwatchd/ports.hpp"

namespace mjwatchd::gateway {

/// How a gateway wants to be told who asks.
enum class Auth : std::uint8_t { bearer, mj_api_secret };

struct HttpGatewayOptions {
  std::string url;     ///< scheme://host[:port], no slash at the end
  std::string prefix;  ///< "/mj", "/mj-fast/mj", …
  Auth auth = Auth::bearer;
  std::string token;
  milliseconds timeout{30000};
  std::string proxy, ca_file;
};

/// Makes one exchange a call and sorts what came of it; never retries. Loop thread only; `client`
/// must outlive it. No callback runs from inside a call, nor after this was destroyed.
class HttpGateway final : public Gateway {
 public:
  HttpGateway(http::Client& client, HttpGatewayOptions options);
  ~HttpGateway() override;
  HttpGateway(const HttpGateway&) = delete;
  HttpGateway& operator=(const HttpGateway&) = delete;

  void fetch_batch(std::vector<std::string> ids, std::function<void(FetchReply)> done) override;
  void fetch_one(std::string id, std::function<void(FetchReply)> done) override;
  void image_seed(std::string id, std::function<void(Seed)> done) override;

  /// {url}{prefix}/image/{id}: where the gateway itself serves a task's picture.
  [[nodiscard]] std::string image_url(const std::string& id) const;
  /// "Authorization: Bearer …" or "mj-api-secret: …". A secret: never to be logged.
  [[nodiscard]] std::string auth_header() const;

  /// For calls from now on; those in flight end under the old.
  void reload(HttpGatewayOptions options);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace mjwatchd::gateway
