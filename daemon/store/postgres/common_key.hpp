// One key for the secrets of all daemons.
#pragma once

#include "daemon/store/postgres/connection.hpp"
#include "daemon/webhooks/secret_box.hpp"

namespace mjwatchd::store::postgres {

/// Any daemon may have to send what another one's client gave a secret for: the first to come leaves something
/// sealed there, which the others must be able to open. Throws std::runtime_error with the cure.
void need_same_key(Connection& db, const webhooks::SecretBox& secrets);

}  // namespace mjwatchd::store::postgres
