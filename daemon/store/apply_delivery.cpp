// What came of a delivery, and sending it again.
#include "daemon/store/event_row.hpp"
#include "daemon/store/transaction.hpp"

namespace mjwatchd::store {
namespace {

constexpr std::size_t kReplayedAtOnce = 100'000;

/// Begins a new round of attempts. What can't go now is held, and what is held already is no news.
void send_again(Transaction& in, DeliveryRecord& record, WallTime at, CommitResult& result) {
  const bool was_held = record.state == DeliveryState::held;
  const auto receiver = in.tables.find_receiver(record.receiver.name);
  std::string held;
  if (receiver && receiver->disabled) held = "its receiver is disabled";
  if (held.empty() && !record.receiver.name.starts_with("url:") && !in.rules.endpoints.contains(record.receiver.name)) {
    held = "its endpoint is not in the configuration";
  }
  record.state = held.empty() ? DeliveryState::pending : DeliveryState::held;
  record.attempts = 0;
  record.due = at;
  record.tried_at.reset();
  in.tables.restart_delivery(record.no, record.state, at, held);
  if (!(was_held && record.state == DeliveryState::held)) result.deliveries.push_back(record);
}

CommitResult replay_one(Transaction& in, const change::Replay& change) {
  auto record = in.tables.find_delivery(*change.no);
  if (!record) return only(CommitResult::Code::missing, "there is no such delivery");
  CommitResult result;
  result.code = CommitResult::Code::done;
  send_again(in, *record, change.at, result);
  return result;
}

}  // namespace

CommitResult apply(Transaction& in, const change::Delivery& change) {
  if (!in.tables.update_delivery(change)) return only(CommitResult::Code::missing);
  if (change.result) in.tables.insert_attempt(change.no, *change.result);
  return only(CommitResult::Code::done);
}

CommitResult apply(Transaction& in, const change::Replay& change) {
  if (change.no) return replay_one(in, change);
  std::optional<ReceiverRow> receiver;
  if (!change.endpoint.empty()) {
    receiver = in.tables.find_receiver(change.endpoint);
    if (!receiver && !in.rules.endpoints.contains(change.endpoint)) {
      return only(CommitResult::Code::missing, "there is no endpoint " + change.endpoint);
    }
    if (!receiver) return only(CommitResult::Code::done);  // nothing was ever for it
  }
  CommitResult result;
  result.code = CommitResult::Code::done;
  auto list = in.tables.matching(change, receiver ? std::optional(receiver->no) : std::nullopt, kReplayedAtOnce);
  for (DeliveryRecord& record : list) send_again(in, record, change.at, result);
  if (list.size() == kReplayedAtOnce) {
    result.detail = "the oldest " + std::to_string(kReplayedAtOnce) + " were taken; ask again for the rest";
  }
  return result;
}

}  // namespace mjwatchd::store
