// One delivery, told to a person.
#pragma once

#include <rapidjson/document.h>

#include <string>

#include "daemon/client/terminal.hpp"

namespace mjwatchd::client {

/// What it is about, a line for each attempt with its timings, and what the receiver answered.
[[nodiscard]] std::string describe_delivery(const rapidjson::Value& delivery, const Terminal& terminal);

}  // namespace mjwatchd::client
