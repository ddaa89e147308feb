// The configuration and its secrets, turned into what each room is told. Everything is made before
// anything is put into force, so that a reload is taken as a whole or not at all.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "daemon/config/config.hpp"
#include "daemon/gateway/http_gateway.hpp"
#include "daemon/images/options.hpp"
#include "daemon/store/rules.hpp"
#include "daemon/webhooks/address_guard.hpp"
#include "daemon/webhooks/http_sender.hpp"
#include "mjwatchd/settings.hpp"

namespace mjwatchd {

/// Holds secrets in clear; kept only as long as it takes to hand its parts out.
struct Composition {
  Settings settings;
  std::vector<std::pair<std::string, gateway::HttpGatewayOptions>> gateways;  ///< the default one first
  webhooks::SenderOptions sender;
  store::StoreRules store;
  std::string store_password;  ///< empty: none is named
  images::Options images;      ///< its gateways lack image_url, auth_header and gateway: the runtime adds them
  webhooks::AddressPolicy webhook_policy;
  std::string control_token;          ///< empty: no TCP
  std::vector<std::string> warnings;  ///< for people; no secrets
};

/// Reads every secret the configuration names. Throws config::ConfigError with a line for each that
/// can't be had. `seed` is of the core's jitter; `own` are the TCP sockets that were passed to us, which
/// with control.listen are what no URL from outside may lead to.
using Listeners = std::vector<webhooks::OwnListener>;
[[nodiscard]] Composition compose(const config::Config& config, std::uint64_t seed, Listeners own = {});

}  // namespace mjwatchd
