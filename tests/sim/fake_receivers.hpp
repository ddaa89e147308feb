// Receivers of webhooks: good ones, slow ones, broken ones, and black holes. They remember what
// reached them, and check the order.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "mjwatchd/delivery.hpp"
#include "tests/sim/clockwork.hpp"
#include "tests/sim/dice.hpp"
#include "tests/sim/disk.hpp"
#include "tests/sim/findings.hpp"
#include "tests/sim/scenario.hpp"

namespace mjwatchd::sim {

class FakeReceivers {
 public:
  using Done = std::function<void(SendResult)>;

  FakeReceivers(const Scenario& scenario, Clockwork& clock, Findings& findings)
      : scenario_(scenario), clock_(clock), findings_(findings), dice_(scenario.seed ^ 0x3ecU) {}

  void post(const DeliveryRow& delivery, Done done);
  void calm() { calm_ = true; }

  /// Whether this event reached this receiver, and was answered 2xx.
  [[nodiscard]] bool got(const std::string& receiver, const std::string& webhook_id) const {
    return got_.contains({receiver, webhook_id});
  }
  [[nodiscard]] Manner manner(const std::string& receiver) const { return scenario_.receivers.at(receiver).manner; }

 private:
  void check_order(const DeliveryRow& delivery);
  void check_identity(const DeliveryRow& delivery);
  [[nodiscard]] SendResult answer(Manner manner);
  [[nodiscard]] milliseconds delay(Manner manner, const SendResult& result);

  const Scenario& scenario_;
  Clockwork& clock_;
  Findings& findings_;
  Dice dice_;
  bool calm_ = false;
  std::set<std::pair<std::string, std::string>> got_;
  std::map<std::pair<std::string, TaskNo>, std::uint32_t> latest_;
  std::map<std::pair<std::string, TaskNo>, std::string> final_id_;
  std::unordered_map<EventNo, std::string> ids_;
  std::unordered_map<std::string, EventNo> events_;
};

}  // namespace mjwatchd::sim
