#include "daemon/composition.hpp"

#include <cstdlib>
#include <exception>
#include <stdexcept>

#include "daemon/config/values.hpp"
#include "daemon/images/s3_address.hpp"
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

void add_control_listen(const config::Config& config, Listeners& own) {
  std::string wrong;
  const auto address = config::parse_host_port(config.control.listen, wrong);
  if (address) own.push_back(webhooks::listener_at(address->host, address->port));
}

webhooks::SenderOptions sender_options(const config::Webhooks& from, const Listeners& own, SecretReader& secrets) {
  webhooks::SenderOptions to;
  to.allow = from.allow;
  to.own = own;
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

/// A key of the object store: from its file, else from the variable that everyone's tools read.
std::string s3_key(SecretReader& secrets, const std::string& file, const char* key, const char* variable, bool needed) {
  if (file.empty() && !needed && std::getenv(variable) == nullptr) return {};
  config::SecretSource source;
  source.file = file;
  if (file.empty()) source.env = variable;
  return secrets.read(source, std::string("images.s3.") + key);
}

images::S3Options s3_options(const config::Config& config, SecretReader& secrets) {
  const config::S3& from = config.images.s3;
  std::string wrong;
  auto place = images::parse_s3_place(config.images.directory, wrong);
  if (!place) throw std::invalid_argument("images.directory: " + wrong);  // the configuration's check let it through
  images::S3Options to;
  to.bucket = std::move(place->bucket);
  to.prefix = std::move(place->prefix);
  to.region = from.region;
  to.endpoint = from.endpoint.empty() ? "https://s3." + from.region + ".amazonaws.com" : from.endpoint;
  // A certificate for *.s3.… does not hold for a bucket with dots, nor does an own server know hosts a bucket.
  to.path_style = from.path_style.value_or(!from.endpoint.empty() || to.bucket.find('.') != std::string::npos);
  to.access_key = s3_key(secrets, from.access_key_file, "access_key_file", "AWS_ACCESS_KEY_ID", true);
  to.secret_key = s3_key(secrets, from.secret_key_file, "secret_key_file", "AWS_SECRET_ACCESS_KEY", true);
  to.session_token = s3_key(secrets, from.session_token_file, "session_token_file", "AWS_SESSION_TOKEN",
                            !from.session_token_file.empty());
  to.proxy = config.images.proxy;
  to.ca_file = from.ca_file;
  return to;
}

images::Options image_options(const config::Config& config, const Listeners& own, SecretReader& secrets) {
  const auto& from = config.images;
  images::Options to;
  to.directory = from.directory;
  if (from.directory.starts_with("s3://")) {
    to.s3 = s3_options(config, secrets);
    to.directory = (config.state_dir / "on-its-way").string();
  }
  to.name = from.name;
  to.keep_free = from.keep_free;
  to.max_size = from.max_size;
  to.seed_wait = from.seed_wait;
  const webhooks::AddressPolicy policy(from.allow, "images.allow", own);
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

Composition compose(const config::Config& config, std::uint64_t seed, Listeners own) {
  add_control_listen(config, own);
  SecretReader secrets(config);
  Composition made{config::core_settings(config, seed),
                   {},
                   {},
                   store_rules(config),
                   {},
                   image_options(config, own, secrets),
                   webhooks::AddressPolicy(config.webhooks.allow, "webhooks.allow", own),
                   {},
                   config.warnings};
  for (const auto& gateway : config.gateways) {
    made.gateways.emplace_back(gateway.name, gateway_options(gateway, secrets));
  }
  made.sender = sender_options(config.webhooks, own, secrets);
  if (!config.store_password_file.empty()) {
    config::SecretSource source;
    source.file = config.store_password_file;
    made.store_password = secrets.read(source, "store_password_file");
  }
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
