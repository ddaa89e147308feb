#include "tests/sim/saboteur.hpp"

#include <algorithm>
#include <utility>

namespace mjwatchd::sim {
namespace {

/// In no id that was made for an event.
constexpr WebhookId kAgain = WebhookId{1} << 63U;

bool failed(const SendResult& result) { return result.http_status < 200 || result.http_status > 299; }

}  // namespace

const std::vector<FaultFacts>& faults() {
  static const std::vector<FaultFacts> all{
      {Fault::ack_before_commit, "ack-before-commit", "a registration is answered before it is committed", 20},
      {Fault::ack_before_sync, "ack-before-sync", "a commit is reported done before it is synced", 20},
      {Fault::send_uncommitted, "send-before-commit", "a webhook is sent before its event is committed", 20},
      {Fault::retry_dropped, "retry-dropped", "a retry is never made", 20},
      {Fault::retries_cut_short, "retries-cut-short", "a delivery is given up before its ladder's end", 20},
      {Fault::refusal_called_delivery, "refusal-is-delivery", "an attempt that failed is taken for a success", 20},
      {Fault::id_changed, "id-changed", "an attempt goes out under a new id", 20},
      {Fault::id_reused, "id-reused", "an event goes out under another's id", 20},
      {Fault::order_broken, "order-broken", "a task's later event goes before its earlier one", 50},
      {Fault::final_superseded, "final-superseded", "a final event is dropped as overtaken", 20},
      {Fault::final_event_doubled, "final-doubled", "a task's final event is recorded twice", 20},
      {Fault::ending_overwritten, "ending-overwritten", "a success becomes a failure on its way", 20},
      {Fault::saved_turned_back, "final-turned-back", "a task that has succeeded is watched again", 20},
      {Fault::saving_announced_early, "announced-early", "pictures are announced before they are in place", 20},
      {Fault::running_called_failed, "running-is-failure", "a task that still runs is called failed", 20},
      {Fault::absence_called_loss, "absence-is-loss", "a task absent from one reply is called lost", 40},
      {Fault::wakeup_lost, "wakeup-lost", "a wake-up never comes", 20},
      {Fault::call_doubled, "call-doubled", "a call is made twice", 20},
      {Fault::reply_lost, "reply-lost", "a gateway's reply is dropped", 50},
      {Fault::commit_answer_lost, "commit-answer-lost", "the store's answer is dropped", 20},
      {Fault::task_not_adopted, "task-not-adopted", "a task is forgotten at a restart", 50},
      {Fault::delivery_not_adopted, "delivery-not-adopted", "a delivery is forgotten at a restart", 50},
      {Fault::deletion_forgotten, "deletion-forgotten", "a deletion is answered and not made", 60},
  };
  return all;
}

// ---- what the core hears

void Saboteur::change(std::vector<Event>& events) {
  for (const Event& event : events) {
    if (const auto* wish = std::get_if<event::Registered>(&event); wish != nullptr && is(Fault::ack_before_commit)) {
      registering_.emplace_back(wish->ticket, wish->registration.key);
    }
  }
  std::erase_if(events, [this](const Event& event) { return lost(event); });
  for (Event& event : events) spoil(event);
  std::move(invented_.begin(), invented_.end(), std::back_inserter(events));
  invented_.clear();
}

bool Saboteur::lost(const Event& event) {
  switch (fault_) {
    case Fault::reply_lost:
      return std::holds_alternative<event::BatchFetched>(event) && strikes();
    case Fault::commit_answer_lost:
      return std::holds_alternative<event::Persisted>(event) && strikes();
    case Fault::task_not_adopted:
      return std::holds_alternative<event::Adopted>(event) && strikes();
    case Fault::delivery_not_adopted:
      return std::holds_alternative<event::DeliveryAdopted>(event) && strikes();
    default:
      return false;
  }
}

void Saboteur::spoil(Event& event) {
  using Verdict = FetchReply::Verdict;
  if (auto* sent = std::get_if<event::Sent>(&event)) {
    if (is(Fault::refusal_called_delivery) && failed(sent->result) && strikes()) sent->result.http_status = 200;
  } else if (auto* reply = std::get_if<event::BatchFetched>(&event)) {
    if (is(Fault::absence_called_loss) && reply->reply.verdict == Verdict::unavailable) {
      reply->reply.verdict = Verdict::unknown_task;
    }
  }
}

// ---- what it asks for

void Saboteur::change(Actions& actions) {
  std::erase_if(actions, [this](const Action& action) { return lost(action); });
  for (Action& action : actions) {
    if (auto* persist = std::get_if<action::Persist>(&action)) spoil(*persist);
  }
  if (is(Fault::call_doubled)) double_calls(actions);
  if (is(Fault::send_uncommitted)) send_early(actions);
  if (is(Fault::ack_before_commit)) answer_early(actions);
}

bool Saboteur::lost(const Action& action) {
  if (const auto* answer = std::get_if<action::Answer>(&action)) return answered_.contains(answer->ticket);
  const auto* send = std::get_if<action::Send>(&action);
  if (send == nullptr || !is(Fault::retry_dropped)) return false;
  return disk_.deliveries().find(send->delivery)->record.attempts > 0 && strikes();
}

void Saboteur::spoil(action::Persist& persist) {
  if (auto* task = std::get_if<change::Task>(&persist.change)) return spoil(*task);
  if (auto* delivery = std::get_if<change::Delivery>(&persist.change)) {
    if (is(Fault::retries_cut_short) && delivery->state == DeliveryState::pending && strikes()) {
      delivery->state = DeliveryState::dead;
    }
    const DeliveryRow* row = disk_.deliveries().find(delivery->no);
    if (is(Fault::final_superseded) && row != nullptr && is_final_event(row->record.type) && strikes()) {
      delivery->state = DeliveryState::superseded;
    }
  } else if (std::holds_alternative<change::Forget>(persist.change)) {
    if (is(Fault::deletion_forgotten) && strikes()) persist.change = change::Learned{"g1", ""};
  }
}

void Saboteur::spoil(change::Task& change) {
  const bool ends = std::any_of(change.events.begin(), change.events.end(), is_final_event);
  const TaskRow* row = disk_.task(change.key);
  const bool succeeded = row != nullptr && row->record.status == Status::success;
  switch (fault_) {
    case Fault::final_event_doubled:
      if (ends && strikes()) change.events.push_back(change.events.back());
      return;
    case Fault::ending_overwritten:
      if (change.ending == Ending::succeeded && strikes()) {
        change.ending = Ending::failed;
        change.events.back() = EventType::failed;
      }
      return;
    case Fault::saved_turned_back:
      if (succeeded && strikes()) {
        change.phase = Phase::watching;
        change.ending = Ending::none;
        change.events.clear();
      }
      return;
    case Fault::saving_announced_early:
      if (change.phase == Phase::saving && strikes()) {
        change.ending = Ending::succeeded;
        change.phase = Phase::done;
        change.events.push_back(EventType::succeeded);
        change.images.emplace();
        change.images->images.emplace_back();
      }
      return;
    case Fault::running_called_failed:
      if (!ends && change.phase == Phase::watching && strikes()) {
        change.ending = Ending::failed;
        change.phase = Phase::done;
        change.events.push_back(EventType::failed);
      }
      return;
    default:
      return;
  }
}

void Saboteur::double_calls(Actions& actions) {
  for (std::size_t i = 0, count = actions.size(); i < count; ++i) {
    const bool call =
        std::holds_alternative<action::FetchBatch>(actions[i]) || std::holds_alternative<action::FetchOne>(actions[i]);
    if (call && strikes()) actions.push_back(Action(actions[i]));
  }
}

/// The deliveries of an event are numbered when it is committed: this one is the first of them.
void Saboteur::send_early(Actions& actions) {
  for (std::size_t i = 0, count = actions.size(); i < count; ++i) {
    const auto* persist = std::get_if<action::Persist>(&actions[i]);
    const auto* task = persist == nullptr ? nullptr : std::get_if<change::Task>(&persist->change);
    if (task != nullptr && !task->events.empty() && strikes()) {
      actions.emplace_back(action::Send{disk_.next_delivery()});
    }
  }
}

void Saboteur::answer_early(Actions& actions) {
  for (auto& [ticket, key] : registering_) {
    CommitResult result;
    result.code = CommitResult::Code::done;
    result.task.emplace();
    result.task->key = key;
    actions.emplace_back(action::Answer{ticket, std::move(result)});
    answered_.insert(ticket);
  }
  registering_.clear();
}

// ---- on the wire

const DeliveryRow* Saboteur::later_one(const DeliveryRow& row) const {
  for (const DeliveryRow& other : disk_.deliveries()) {
    const DeliveryRecord& record = other.record;
    const bool same = record.task == row.record.task && record.receiver.name == row.record.receiver.name;
    if (same && record.sequence > row.record.sequence && record.state == DeliveryState::pending) return &other;
  }
  return nullptr;
}

const DeliveryRow& Saboteur::posted(const DeliveryRow& row) {
  if (fault_ == Fault::none) return row;
  DeliveryRow& out = posted_ = row;
  if (is(Fault::id_changed) && row.record.attempts > 0 && strikes()) out.webhook_id |= kAgain;
  if (is(Fault::id_reused) && last_id_ != 0 && strikes()) out.webhook_id = last_id_;
  if (is(Fault::order_broken) && !row.out_of_order) {
    if (const DeliveryRow* later = later_one(row)) out = *later;
  }
  last_id_ = row.webhook_id;
  return out;
}

}  // namespace mjwatchd::sim
