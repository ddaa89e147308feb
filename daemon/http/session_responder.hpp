// The handles by which a request is answered: they may outlive the connection.
#pragma once

#include <cstdint>
#include <memory>

#include "daemon/http/server.hpp"

namespace mjwatchd::http {

class Session;

/// The answer to request number `serial` of a session. Its last copy answers 500 when nobody has.
[[nodiscard]] ResponderPtr make_responder(std::weak_ptr<Session> session, std::uint64_t serial);

}  // namespace mjwatchd::http
