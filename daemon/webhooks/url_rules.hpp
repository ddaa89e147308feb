// Which webhook URLs may be given over the socket.
#pragma once

#include <string>

#include "daemon/webhooks/address_guard.hpp"

namespace mjwatchd::webhooks {

/// Either `url`, normalised, or `error`, a sentence for whoever gave it.
struct UrlVerdict {
  std::string url;
  std::string error;
  [[nodiscard]] bool good() const { return error.empty(); }
};

/// Pure: looks at the text only, resolves nothing; the address is judged again when it is connected
/// to. https, or http when the host is an address that the policy's own ranges name (a name may lead
/// there too, so http to a name is refused). No user info, no spaces or control characters, no
/// fragment sent, at most 2048 bytes. Hosts that are numbers in any notation are judged as IPv4.
[[nodiscard]] UrlVerdict check_url(const std::string& url, const AddressPolicy& policy);

}  // namespace mjwatchd::webhooks
