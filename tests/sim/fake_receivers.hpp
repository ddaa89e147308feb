// Receivers of webhooks: good ones, slow ones, broken ones, and black holes. They remember what
// reached them, and check the order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "mjwatchd/delivery.hpp"
#include "tests/sim/by_task.hpp"
#include "tests/sim/clockwork.hpp"
#include "tests/sim/dice.hpp"
#include "tests/sim/disk.hpp"
#include "tests/sim/findings.hpp"
#include "tests/sim/scenario.hpp"
#include "tests/sim/slots.hpp"

namespace mjwatchd::sim {

class FakeReceivers {
 public:
  using Done = std::function<void(DeliveryNo, SendResult&&)>;

  FakeReceivers(const Scenario& scenario, Clockwork& clock, Findings& findings)
      : clock_(clock), findings_(findings), dice_(scenario.seed ^ 0x3ecU), chains_(scenario.receivers.size()) {
    for (const auto& [name, plan] : scenario.receivers) manners_.push_back(plan.manner);
    ids_.reserve(scenario.tasks.size());
  }

  /// `no` is what its sender takes it for.
  void post(DeliveryNo no, const DeliveryRow& delivery, Done done);
  void calm() { calm_ = true; }

  /// Whether this event reached this receiver under its id, and was answered 2xx.
  [[nodiscard]] bool got(const DeliveryRow& delivery) const;
  [[nodiscard]] Manner manner(const DeliveryRow& delivery) const { return manners_[delivery.receiver]; }

 private:
  void end(std::size_t place);
  void check_order(const DeliveryRow& delivery);
  void check_identity(const DeliveryRow& delivery);
  [[nodiscard]] SendResult answer(Manner manner);
  [[nodiscard]] milliseconds delay(Manner manner, const SendResult& result);

  struct UnderWay {
    DeliveryNo no = 0;
    Done done;
    SendResult result;
  };
  struct Arrived {  ///< an event
    WebhookId webhook_id = 0;
    std::uint64_t got = 0;  ///< a bit for each receiver that answered 2xx
  };
  struct Chain {  ///< the events of a task at a receiver
    std::uint32_t latest = 0;
    EventNo last = 0;  ///< the final one
  };

  Clockwork& clock_;
  Findings& findings_;
  Dice dice_;
  bool calm_ = false;
  std::vector<Manner> manners_;  ///< by the receiver's number
  std::deque<Arrived> events_;   ///< by their numbers
  std::unordered_map<WebhookId, EventNo> ids_;
  ByChain<Chain> chains_;
  Slots<UnderWay> posts_;
};

}  // namespace mjwatchd::sim
