#include "tests/sim/describe.hpp"

#include "mjwatchd/names.hpp"

namespace mjwatchd::sim {

std::string describe(const Change& change) {
  struct Describe {
    std::string operator()(const change::Register& c) const { return "register " + c.registration.key.id; }
    std::string operator()(const change::Task& c) const {
      std::string text = "task " + c.key.gateway + "/" + c.key.id + " " + std::string(name(c.phase)) + " " +
                         std::string(name(c.ending));
      if (c.snapshot) text += " " + std::string(name(c.snapshot->status));
      for (const EventType type : c.events) text += " " + std::string(name(type));
      return text;
    }
    std::string operator()(const change::Forget& c) const { return "forget " + c.key.id; }
    std::string operator()(const change::AddReceiver& c) const { return "add receiver to " + c.key.id; }
    std::string operator()(const change::Delivery& c) const {
      return "delivery " + std::to_string(c.no) + " " + std::string(name(c.state)) + " " + std::to_string(c.attempts);
    }
    std::string operator()(const change::Replay&) const { return "replay"; }
    std::string operator()(const change::Receiver& c) const {
      return (c.disabled ? "disable " : "enable ") + c.name + ": " + c.reason;
    }
    std::string operator()(const change::Failing& c) const {
      return c.endpoint + (c.since ? " has been failing" : " is well again");
    }
    std::string operator()(const change::Test& c) const { return "test " + c.endpoint; }
    std::string operator()(const change::Learned& c) const { return "learned of " + c.gateway; }
  };
  return std::visit(Describe{}, change);
}

std::string describe(const Event& event) {
  if (const auto* task = std::get_if<event::Adopted>(&event)) return "to take up " + task->task.key.id;
  if (const auto* task = std::get_if<event::Released>(&event)) {
    return "to let go " + task->key.id + (task->task == 0 ? " but not its deliveries" : "");
  }
  if (const auto* one = std::get_if<event::DeliveryAdopted>(&event)) {
    return "to take up delivery " + std::to_string(one->delivery.no) + " " + std::string(name(one->delivery.state));
  }
  if (const auto* one = std::get_if<event::DeliveryReleased>(&event)) {
    return "to let go delivery " + std::to_string(one->delivery);
  }
  if (const auto* one = std::get_if<event::ReceiverAdopted>(&event)) {
    return one->name + (one->disabled ? " is disabled" : " is enabled");
  }
  if (const auto* shared = std::get_if<event::Shared>(&event)) {
    return "that " + std::to_string(shared->daemons) + " share";
  }
  return "something else";
}

}  // namespace mjwatchd::sim
