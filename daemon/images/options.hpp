// What the picture store is told at its start.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/http/client.hpp"
#include "mjwatchd/ports.hpp"
#include "mjwatchd/time.hpp"

namespace mjwatchd::images {

/// One gateway, as far as pictures go.
struct GatewayOptions {
  std::string name;
  std::string url;                                           ///< its scheme, host and port are "its own origin"
  std::function<std::string(const std::string&)> image_url;  ///< {url}{prefix}/image/{id} of an id
  std::string auth_header;                          ///< "Name: value", sent to its own origin only; may be empty
  std::map<std::string, std::string> rewrite_urls;  ///< prefix → prefix; the longest match counts
  Gateway* gateway = nullptr;                       ///< asked for seeds; null: none; outlives the store
  std::string proxy, ca_file;                       ///< for its own origin
};

/// A bucket of an S3-compatible store.
struct S3Options {
  std::string bucket, prefix;  ///< the prefix without slashes at its ends; may be empty
  std::string endpoint;        ///< scheme, host and port; no slash at the end
  std::string region;
  bool path_style = false;  ///< the bucket in the path instead of the host
  std::string access_key, secret_key, session_token;
  std::string proxy, ca_file;
};

struct Options {
  std::string directory;        ///< absolute; with `s3` where pictures are gathered before they go there
  std::optional<S3Options> s3;  ///< unset: `directory` is where pictures stay
  std::string name = "{gateway}/{id}{suffix}{ext}";
  std::uint64_t keep_free = 1ULL << 30;   ///< bytes
  std::uint64_t max_size = 256ULL << 20;  ///< bytes of one picture
  milliseconds seed_wait{5000};           ///< after the pictures are done
  milliseconds seed_pause{1000};          ///< before the seed is asked for again; doubles
  http::AddressGuard guard;               ///< for every origin but the gateways' own
  /// Whether a picture may be fetched over plain http from an origin that is not the gateway's own.
  /// Unset: never. The guard judges the address in any case.
  std::function<bool(const std::string& url)> allow_http;
  std::string proxy;  ///< for every origin but the gateways' own
  std::vector<GatewayOptions> gateways;

  /// Told how each download ended ("saved", "closed", …), of how many bytes, and how long it took. May be unset.
  std::function<void(std::string_view outcome, std::uint64_t bytes, std::chrono::duration<double> took)> observe;

  /// Told when a disk that took no pictures takes them again. May be unset.
  std::function<void()> resumed;
  milliseconds look_again{5000};  ///< at such a disk

  std::size_t max_orders = 4096;   ///< waiting; beyond it the latest deadline is told to try again
  std::size_t max_downloads = 8;   ///< at a time, in all
  std::size_t max_per_origin = 6;  ///< of these, so that a slow origin leaves room for others
  milliseconds stall_timeout{20000};
  milliseconds timeout = std::chrono::minutes(5);  ///< of one download
  std::function<WallTime()> clock;                 ///< unset: the system's
};

}  // namespace mjwatchd::images
