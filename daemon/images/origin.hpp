// What the store asks of a URL: whose it is, where a redirect leads, how it may be shown.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace mjwatchd::images {

/// Scheme, host and port: who answers a URL.
struct Origin {
  std::string scheme, host, port;
  bool operator==(const Origin&) const = default;
  [[nodiscard]] std::string text() const { return scheme + "://" + host + ":" + port; }
};

/// Nothing for what is not an absolute http or https URL. Parsed by curl, which will fetch it.
[[nodiscard]] std::optional<Origin> origin_of(const std::string& url);
/// `reference` as seen from `base`; nothing when either cannot be used.
[[nodiscard]] std::optional<std::string> resolve(const std::string& base, const std::string& reference);
/// For errors and logs: without query, fragment and credentials, which may be secret; bounded.
[[nodiscard]] std::string shown(const std::string& url);
/// Replaces the longest prefix that matches up to a boundary of the URL.
[[nodiscard]] std::string rewritten(const std::string& url, const std::map<std::string, std::string>& prefixes);

}  // namespace mjwatchd::images
