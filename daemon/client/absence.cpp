#include "daemon/client/absence.hpp"

#include <iostream>
#include <utility>

#include "daemon/client/connection.hpp"

namespace mjwatchd::client {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kLongest{60};

}  // namespace

void Absence::back() {
  met_ = true;
  if (std::exchange(since_, std::nullopt)) std::cerr << "the daemon is back\n";
}

void Absence::goes_on(const std::string& why) {
  if (!since_) std::cerr << "waiting for the daemon: " << why.substr(0, why.find('\n')) << "\n";
  since_ = since_.value_or(Clock::now());
  if (Clock::now() - *since_ > kLongest) throw Trouble(Exit::unreachable, why);
}

}  // namespace mjwatchd::client
