// Which receiver a webhook target is.
#pragma once

#include <string>
#include <string_view>

#include "mjwatchd/delivery.hpp"
#include "mjwatchd/task.hpp"

namespace mjwatchd::webhooks {

/// Pure. A configured endpoint is its own name and group. A URL's name is "url:" and 32 hex digits
/// of the SHA-256 of URL and format; its group is "origin:scheme://host:port", lower case, the port
/// always said. The same URL given twice is the same receiver.
[[nodiscard]] ReceiverRef receiver_of(const WebhookTarget& target);

/// "https://example.com:443" of a URL; the text itself when it is no URL.
[[nodiscard]] std::string origin_of(const std::string& url);

/// Lower-case hexadecimal SHA-256.
[[nodiscard]] std::string sha256_hex(std::string_view bytes);

}  // namespace mjwatchd::webhooks
