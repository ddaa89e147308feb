// What `mjwatch top` shows.
#pragma once

#include <rapidjson/document.h>

#include <cstddef>
#include <string>

#include "daemon/client/terminal.hpp"

namespace mjwatchd::client {

/// The daemon's answers, each as the API gives it.
struct TopData {
  rapidjson::Document status, gateways, endpoints, watched, made, deliveries;
};

/// Header, gateways, and as many of the tasks that are watched, of those that ended and of the webhooks as fit into
/// `rows` lines; 0: all. No line is wider than the terminal. Pure.
[[nodiscard]] std::string draw_top(const TopData& data, const Terminal& terminal, std::size_t rows);

}  // namespace mjwatchd::client
