// The configuration in force, as YAML.
#include <yaml-cpp/emitter.h>
#include <yaml-cpp/emittermanip.h>

#include <array>
#include <cstdio>

#include "daemon/config/config.hpp"
#include "daemon/config/values.hpp"
#include "mjwatchd/names.hpp"

namespace mjwatchd::config {
namespace {

class Writer {
 public:
  template <typename T>
  void pair(const char* key, const T& value) {
    out_ << YAML::Key << key << YAML::Value << value;
  }
  // Quoted, so that no text can be taken for anything else.
  void text(const char* key, const std::string& value) {
    if (!value.empty()) out_ << YAML::Key << key << YAML::Value << YAML::DoubleQuoted << value;
  }
  void time(const char* key, milliseconds value) { pair(key, write_duration(value)); }
  void size(const char* key, std::uint64_t value) { pair(key, write_size(value)); }
  template <typename Texts>
  void list(const char* key, const Texts& texts) {
    out_ << YAML::Key << key << YAML::Value << YAML::Flow << YAML::BeginSeq;
    for (const auto& text : texts) out_ << YAML::DoubleQuoted << std::string(text);
    out_ << YAML::EndSeq;
  }
  void open(const std::string& key) { out_ << YAML::Key << key << YAML::Value << YAML::BeginMap; }
  void begin() { out_ << YAML::BeginMap; }
  void close() { out_ << YAML::EndMap; }
  YAML::Emitter& raw() { return out_; }
  [[nodiscard]] std::string done() const { return std::string(out_.c_str()) + "\n"; }

 private:
  YAML::Emitter out_;
};

void write(Writer& w, const Gateway& gateway) {
  w.open(gateway.name);
  w.text("url", gateway.url);
  w.raw() << YAML::Key << "prefix" << YAML::Value << YAML::DoubleQuoted << gateway.prefix;
  if (gateway.allow_http) w.pair("allow_http", true);
  w.pair("auth", gateway.auth == Auth::bearer ? "bearer" : "mj-api-secret");
  w.text("token_file", gateway.token.file);
  w.text("token_env", gateway.token.env);
  w.pair("batch", gateway.polling.batch);
  w.time("call_cost", gateway.polling.call_cost);
  w.pair("max_calls_per_minute", gateway.polling.max_calls_per_minute);
  w.pair("max_in_flight", gateway.polling.max_in_flight);
  w.time("timeout", gateway.timeout);
  w.text("proxy", gateway.proxy);
  w.text("ca_file", gateway.ca_file);
  if (!gateway.rewrite_urls.empty()) {
    w.open("rewrite_urls");
    for (const auto& [from, to] : gateway.rewrite_urls) {
      w.raw() << YAML::Key << YAML::DoubleQuoted << from << YAML::Value << YAML::DoubleQuoted << to;
    }
    w.close();
  }
  w.close();
}

// What stands after the question mark is often a key to the receiver.
std::string without_query(const std::string& url) {
  const auto at = url.find('?');
  return at == std::string::npos ? url : url.substr(0, at) + "?hidden";
}

std::vector<std::string> event_words(EventMask events) {
  std::vector<std::string> out;
  for (unsigned i = 0; i <= static_cast<unsigned>(EventType::lost); ++i) {
    const auto type = static_cast<EventType>(i);
    if ((events & mask_of(type)) != 0) out.emplace_back(name(type));
  }
  return out;
}

void write(Writer& w, const Endpoint& endpoint) {
  w.open(endpoint.name);
  w.text("url", without_query(endpoint.url));
  if (!endpoint.secret_files.empty()) w.list("secret_file", endpoint.secret_files);
  w.list("events", event_words(endpoint.events));
  w.pair("format", std::string(name(endpoint.format)));
  if (!endpoint.headers.empty()) {
    // Only the names: a value may be an authorization.
    w.open("headers");
    for (const auto& [header, value] : endpoint.headers) {
      w.raw() << YAML::Key << YAML::DoubleQuoted << header << YAML::Value << "hidden";
    }
    w.close();
  }
  w.time("timeout", endpoint.timeout);
  w.text("ca_file", endpoint.ca_file);
  w.text("client_cert_file", endpoint.client_cert_file);
  w.text("proxy", endpoint.proxy);
  w.pair("max_in_flight", endpoint.limits.max_in_flight);
  w.pair("max_per_second", endpoint.limits.max_per_second);
  w.close();
}

void write(Writer& w, const Control& control) {
  w.open("control");
  w.text("socket", control.socket);
  std::array<char, 16> mode{};
  std::snprintf(mode.data(), mode.size(), "%04o", control.mode);
  w.text("mode", mode.data());
  w.text("listen", control.listen);
  w.text("token_file", control.token_file);
  w.list("hosts", control.hosts);
  w.close();
}

void write(Writer& w, const Images& images) {
  w.open("images");
  w.text("directory", images.directory);
  w.pair("save", std::string(name(images.save)));
  w.text("name", images.name);
  w.pair("seed", images.seed);
  w.time("seed_wait", images.seed_wait);
  w.time("give_up", images.give_up);
  w.size("keep_free", images.keep_free);
  w.pair("prune", images.prune);
  w.size("max_size", images.max_size);
  w.list("allow", images.allow);
  w.text("proxy", images.proxy);
  if (images.directory.starts_with("s3://")) {
    w.open("s3");
    w.text("endpoint", images.s3.endpoint);
    w.text("region", images.s3.region);
    if (images.s3.path_style) w.pair("path_style", *images.s3.path_style);
    if (images.s3.allow_http) w.pair("allow_http", true);
    w.text("access_key_file", images.s3.access_key_file);
    w.text("secret_key_file", images.s3.secret_key_file);
    w.text("session_token_file", images.s3.session_token_file);
    w.text("ca_file", images.s3.ca_file);
    w.close();
  }
  w.close();
}

void write(Writer& w, const Webhooks& webhooks) {
  w.open("webhooks");
  w.list("default", webhooks.default_list);
  w.list("allow", webhooks.allow);
  std::vector<std::string> ladder;
  for (const milliseconds step : webhooks.retry) ladder.push_back(write_duration(step));
  w.list("retry", ladder);
  w.open("endpoints");
  for (const auto& [name, endpoint] : webhooks.endpoints) write(w, endpoint);
  w.close();
  w.close();
}

}  // namespace

std::string print(const Config& config) {
  Writer w;
  w.begin();
  w.text("state_dir", config.state_dir.string());
  w.text("store", config.store);
  if (!config.store_password_file.empty()) w.text("store_password_file", config.store_password_file);
  w.time("lease", config.lease);
  write(w, config.control);
  w.open("gateways");
  for (const Gateway& gateway : config.gateways) write(w, gateway);
  w.close();
  w.open("watch");
  w.time("expire_after", config.watch.expire_after);
  w.time("stall_after", config.watch.stall_after);
  w.time("missing_grace", config.watch.missing_grace);
  w.time("max_gap", config.watch.max_gap);
  w.time("retain", config.retain);
  w.size("store_max_size", config.store_max_size);
  w.close();
  write(w, config.images);
  write(w, config.webhooks);
  w.open("log");
  w.pair("level", config.log.level);
  w.pair("format", config.log.format);
  w.close();
  w.close();
  return w.done();
}

}  // namespace mjwatchd::config
