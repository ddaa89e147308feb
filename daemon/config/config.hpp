// The configuration file, as settings: every key of config/mjwatchd.yaml.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "mjwatchd/settings.hpp"
#include "mjwatchd/task.hpp"

namespace mjwatchd::config {

/// Where a secret comes from. It is read by load_secret(), and never kept in a Config.
struct SecretSource {
  std::string file;  ///< as written; found by the rule for relative names
  std::string env;
  [[nodiscard]] bool empty() const { return file.empty() && env.empty(); }
};

struct Control {
  std::string socket = "/run/mjwatchd/mjwatchd.sock";
  unsigned mode = 0660;
  std::string listen;  ///< HOST:PORT; empty: off
  std::string token_file;
  std::vector<std::string> hosts;  ///< names that TCP clients may call the daemon by
};

enum class Auth { bearer, mj_api_secret };

struct Gateway {
  std::string name;
  std::string url;  ///< scheme://host[:port], no slash at the end
  std::string prefix = "/mj";
  Auth auth = Auth::bearer;
  SecretSource token;
  bool allow_http = false;
  GatewaySettings polling;
  milliseconds timeout{30000};
  std::string proxy, ca_file;
  std::vector<std::pair<std::string, std::string>> rewrite_urls;
};

/// The object store of `images.directory: s3://…`.
struct S3 {
  std::string endpoint;  ///< empty: Amazon's, of the region
  std::string region = "us-east-1";
  std::optional<bool> path_style;  ///< nothing: with an endpoint, and for buckets with dots
  bool allow_http = false;
  std::string access_key_file, secret_key_file, session_token_file;  ///< empty: $AWS_… says them
  std::string ca_file;
};

struct Images {
  std::string directory = "images";  ///< absolute after loading (or s3://…)
  S3 s3;
  SaveMode save = SaveMode::image;
  std::string name = "{gateway}/{id}{suffix}{ext}";
  bool seed = false;
  milliseconds seed_wait{5000};
  milliseconds give_up{300000};
  std::uint64_t keep_free = 1ULL << 30;
  bool prune = false;
  std::uint64_t max_size = 256ULL << 20;
  std::vector<std::string> allow;  ///< CIDRs
  std::string proxy;
};

struct Endpoint {
  std::string name;
  std::string url;
  std::vector<std::string> secret_files;
  EventMask events = 0;
  BodyFormat format = BodyFormat::standard;
  std::vector<std::pair<std::string, std::string>> headers;
  milliseconds timeout{15000};
  std::string ca_file, client_cert_file, proxy;
  EndpointSettings limits;
};

struct Webhooks {
  std::vector<std::string> default_list;
  std::vector<std::string> allow;  ///< CIDRs
  std::vector<milliseconds> retry;
  std::map<std::string, Endpoint> endpoints;
};

struct Log {
  std::string level = "info";
  std::string format = "auto";
};

struct Config {
  std::filesystem::path file;  ///< where it was read from
  std::filesystem::path state_dir;
  std::string store = "sqlite";     ///< or postgresql://…, without a password
  std::string store_password_file;  ///< as written; found as secrets are
  milliseconds lease{15000};        ///< of this daemon on its tasks, where several share a store
  Control control;
  std::vector<Gateway> gateways;  ///< the first one is the default
  WatchSettings watch;
  milliseconds retain = std::chrono::days(30);
  std::uint64_t store_max_size = 4ULL << 30;
  Images images;
  Webhooks webhooks;
  Log log;
  std::vector<std::string> warnings;  ///< "file:line:column: key: …", nothing wrong enough to refuse
};

/// Everything wrong with a file, one line each: "file:line:column: key: what is wrong, what is allowed".
struct ConfigError : std::runtime_error {
  explicit ConfigError(std::vector<std::string> lines);
  std::vector<std::string> lines;
};

/// Reads and checks the whole file; throws ConfigError with every mistake found, not only the first.
[[nodiscard]] Config load(const std::filesystem::path& file);
/// The same from text, for tests and fuzzing; `file` is only what messages name.
[[nodiscard]] Config parse(const std::string& yaml, const std::filesystem::path& file);

/// The configuration in force as YAML, defaults filled in, secrets never.
[[nodiscard]] std::string print(const Config& config);

/// What the core decides by.
[[nodiscard]] Settings core_settings(const Config& config, std::uint64_t seed);

/// A secret's bytes without white space around them. A relative name is sought as NAME, then
/// credentials_NAME in $CREDENTIALS_DIRECTORY, then beside the configuration file. Throws
/// std::runtime_error that names the places it looked at, never the secret. `warning` gets a line
/// when others than its owner may read the file.
[[nodiscard]] std::string load_secret(const SecretSource& source, const Config& config, std::string* warning = nullptr);

}  // namespace mjwatchd::config
