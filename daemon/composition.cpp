#include "daemon/composition.hpp"

#include <exception>

#include "daemon/webhooks/signature.hpp"
#include "daemon/webhooks/url_rules.hpp"

namespace mjwatchd {
namespace {

/// Reads secrets, and gathers what went wrong instead of stopping at the first.
class SecretReader {
 public:
  explicit SecretReader(const config::Config& config) : config_(config) {}

  std::string read(const config::SecretSource& source, const std::string& key) {
    std::string warning;
    std::string secret;
    try {
      secret = config::load_secret(source, config_, &warning);
    } catch (const std::exception& error) {
      refuse(key, error.what());
    }
    if (!warning.empty()) warnings.push_back(key + ": " + warning);
    return secret;
  }

  std::string read_signing(const std::string& file, const std::string& key) {
    config::SecretSource source;
    source.file = file;
    auto secret = read(source, key);
    std::string why;
    if (!secret.empty() && !webhooks::parse_signing_key(secret, &why)) refuse(key, file + ": " + why);
    return secret;
  }

  void refuse(const std::string& key, const std::string& what) {
    errors_.push_back(config_.file.string() + ": " + key + ": " + what);
  }
  void finish() const {
    if (!errors_.empty()) throw config::ConfigError(errors_);
  }

  std::vector<std::string> warnings;

 private:
  const config::Config& config_;
  std::vector<std::string> errors_;
};

gateway::HttpGatewayOptions gateway_options(const config::Gateway& from, SecretReader& secrets) {
  gateway::HttpGatewayOptions to;
  to.url = from.url;
  to.prefix = from.prefix;
  to.auth = from.auth == config::Auth::bearer ? gateway::Auth::bearer : gateway::Auth::mj_api_secret;
  // A gateway may be open to all on its own network: then there is no token to read.
  if (!from.token.empty()) to.token = secrets.read(from.token, "gateways." + from.name + ".token_file");
  to.timeout = from.timeout;
  to.proxy = from.proxy;
  to.ca_file = from.ca_file;
  return to;
}

webhooks::SenderOptions sender_options(const config::Webhooks& from, SecretReader& secrets) {
  webhooks::SenderOptions to;
  to.allow = from.allow;
  for (const auto& [name, endpoint] : from.endpoints) {
    auto& out = to.endpoints[name];
    out.url = endpoint.url;
    for (const auto& file : endpoint.secret_files) {
      out.secrets.push_back(secrets.read_signing(file, "webhooks.endpoints." + name + ".secret_file"));
    }
    out.headers = endpoint.headers;
    out.timeout = endpoint.timeout;
    out.ca_file = endpoint.ca_file;
    out.client_cert_file = endpoint.client_cert_file;
    out.proxy = endpoint.proxy;
  }
  return to;
}

store::StoreRules store_rules(const config::Config& config) {
  store::StoreRules rules;
  for (const auto& [name, endpoint] : config.webhooks.endpoints) {
    rules.endpoints[name] = {endpoint.events, endpoint.format};
  }
  rules.default_list = config.webhooks.default_list;
  rules.expire_after = config.watch.expire_after;
  rules.save = config.images.save;
  rules.seed = config.images.seed;
  rules.max_size = config.store_max_size;
  return rules;
}

images::Options image_options(const config::Config& config) {
  const auto& from = config.images;
  images::Options to;
  to.directory = from.directory;
  to.name = from.name;
  to.keep_free = from.keep_free;
  to.max_size = from.max_size;
  to.seed_wait = from.seed_wait;
  const webhooks::AddressPolicy policy(from.allow, "images.allow");
  to.guard = policy.guard();
  to.allow_http = [policy](const std::string& url) { return webhooks::check_url(url, policy).good(); };
  to.proxy = from.proxy;
  for (const auto& gateway : config.gateways) {
    images::GatewayOptions out;
    out.name = gateway.name;
    out.url = gateway.url;
    out.rewrite_urls = {gateway.rewrite_urls.begin(), gateway.rewrite_urls.end()};
    out.proxy = gateway.proxy;
    out.ca_file = gateway.ca_file;
    to.gateways.push_back(std::move(out));
  }
  return to;
}

}  // namespace

Composition compose(const config::Config& config, std::uint64_t seed) {
  SecretReader secrets(config);
  Composition made{config::core_settings(config, seed),
                   {},
                   {},
                   store_rules(config),
                   image_options(config),
                   webhooks::AddressPolicy(config.webhooks.allow, "webhooks.allow"),
                   {},
                   config.warnings};
  for (const auto& gateway : config.gateways) {
    made.gateways.emplace_back(gateway.name, gateway_options(gateway, secrets));
  }
  made.sender = sender_options(config.webhooks, secrets);
  if (!config.control.listen.empty()) {
    config::SecretSource source;
    source.file = config.control.token_file;
    made.control_token = secrets.read(source, "control.token_file");
  }
  secrets.finish();
  made.warnings.insert(made.warnings.end(), secrets.warnings.begin(), secrets.warnings.end());
  return made;
}

}  // namespace mjwatchd
