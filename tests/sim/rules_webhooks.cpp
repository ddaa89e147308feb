// What is demanded of webhooks, and of the end.
#include <utility>

#include "tests/sim/rules.hpp"

namespace mjwatchd::sim {
using namespace std::chrono_literals;

void Rules::sending(DeliveryNo no) {
  if (stopped_) broken("delivery " + std::to_string(no) + " is sent after the stop");
  const DeliveryRow* const found = disk_.deliveries().find(no);
  if (found == nullptr) return broken("delivery " + std::to_string(no) + " is sent uncommitted");
  const DeliveryRow& row = *found;
  // Held: somebody disabled the receiver, and the core is about to hear of it.
  if (row.record.state != DeliveryState::pending && row.record.state != DeliveryState::held) {
    broken("delivery " + std::to_string(no) + " is sent though it is settled");
  }
  if (!flying_.insert(no).second) broken("delivery " + std::to_string(no) + " is sent twice at once");
  if (row.record.task != 0 && std::exchange(chains_(row.record.task, row.receiver), true)) {
    broken("delivery " + std::to_string(no) + " overlaps another of its task");
  }
  const auto limits = scenario_.settings.webhooks.endpoints.find(row.record.receiver.group);
  const std::uint32_t most = limits == scenario_.settings.webhooks.endpoints.end() ? 8 : limits->second.max_in_flight;
  if (++flying_to_[row.record.receiver.group] > most) broken(row.record.receiver.group + " gets too many at once");
  if (flying_.size() > scenario_.settings.webhooks.max_in_flight) broken("too many deliveries at once");
  check_patience(row);
}

void Rules::sent(DeliveryNo no) {
  flying_.erase(no);
  const DeliveryRow& row = *disk_.deliveries().find(no);
  --flying_to_[row.record.receiver.group];
  chains_(row.record.task, row.receiver) = false;
}

bool Rules::untroubled(const std::string& receiver) const {
  const ReceiverPlan& plan = scenario_.receivers.at(receiver);
  return plan.manner == Manner::good && !plan.unconfigured && !plan.disabled && !receiver.starts_with("url:");
}

/// The first attempt to a good receiver leaves soon, however many others are black holes.
void Rules::check_patience(const DeliveryRow& row) {
  const DeliveryRecord& record = row.record;
  if (record.attempts != 0 || row.out_of_order || !untroubled(record.receiver.name)) return;
  if (scenario_.commit_slowest > 100ms || scenario_.commit_fails > 0 || !scenario_.disk_full.empty() ||
      !scenario_.disk_stalls.empty())
    return;  // the disk itself is slow
  const milliseconds since = std::max({row.made, disk_.predecessor_ended(row), booted_});
  const milliseconds waited = clock_.now() - since;
  if (waited < 2s) return;
  std::int64_t others = 0;
  for (const DeliveryRow& other : disk_.deliveries()) {
    if (other.record.receiver.name != record.receiver.name) continue;
    const bool waited_too =
        other.record.state == DeliveryState::pending || disk_.predecessor_ended(other) > since - 2min;
    if (waited_too || other.made > since - 2min || other.out_of_order) ++others;
  }
  if (waited > 2s + others * 400ms) {
    broken("delivery " + std::to_string(record.no) + " to a good receiver waited " + std::to_string(waited.count()));
  }
}

void Rules::answering(const TaskKey& key, const CommitResult& result) {
  const bool said = result.code == CommitResult::Code::done || result.code == CommitResult::Code::existing;
  if (said && !disk_.ever_had(key)) broken(text(key) + " is called registered, and is not on disk");
  if (said && plan(key) != nullptr && !plan(key)->deleted_at) tasks_[key.id].promised = true;
}

void Rules::announcing(const std::vector<CommittedEvent>& events) {
  for (const CommittedEvent& event : events) {
    if (event.no != 0 && disk_.events().find(event.no) == nullptr) broken("an event is announced uncommitted");
  }
}

// ---- the end

void Rules::at_the_end() {
  ByChain<std::uint8_t> starts(1);
  for (const EventRow& event : disk_.events()) {
    if (event.type == EventType::started && ++starts(event.task, 0) == 2)
      broken(text(event.plan->registration.key) + " started twice");
  }
  for (const TaskRow& row : disk_.tasks().all()) {
    if (row.no == 0 || (row.record.phase == Phase::done && row.final_event != 0)) continue;
    broken(text(row.record.key) + " never ended");
  }
  for (const DeliveryRow& row : disk_.deliveries()) check_delivery(row);
}

void Rules::check_delivery(const DeliveryRow& row) {
  const DeliveryRecord& record = row.record;
  const auto broken_because = [&](const char* why) {
    broken("delivery " + std::to_string(record.no) + " to " + record.receiver.name + " " + why);
  };
  const Manner manner = receivers_.manner(row);
  switch (record.state) {
    case DeliveryState::delivered:
      if (!receivers_.got(row)) broken_because("is called delivered, and is not");
      return;
    case DeliveryState::superseded:
      if (record.type != EventType::started && record.type != EventType::progress &&
          record.type != EventType::stalled) {
        broken_because("is superseded");
      }
      return;
    case DeliveryState::held:
      if (!disk_.disabled(record.receiver.name)) broken_because("is held, and nothing holds it");
      if (manner != Manner::hole && manner != Manner::broken) broken_because("is held for ever");
      return;
    case DeliveryState::dead:
      if (manner == Manner::good || manner == Manner::slow) broken_because("is dead");
      if (record.attempts <= scenario_.settings.webhooks.retry.size() && record.attempts < 3) {
        broken_because("died early");
      }
      return;
    case DeliveryState::pending:
      broken_because("is pending for ever");
      return;
  }
}

}  // namespace mjwatchd::sim
