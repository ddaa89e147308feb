#include "tests/sim/disk.hpp"

#include <algorithm>
#include <utility>

#include "mjwatchd/poll_schedule.hpp"

namespace mjwatchd::sim {
namespace {
constexpr std::size_t kPage = 16;

/// Short enough to need no memory of its own.
std::string text(WebhookId id) {
  std::string text = "evt_00000000000";
  for (std::size_t i = 4; i < text.size(); ++i, id >>= 5U) text[i] = static_cast<char>('A' + id % 32);
  return text;
}
}  // namespace

bool is_final_event(EventType type) {
  return type == EventType::succeeded || type == EventType::failed || type == EventType::cancelled ||
         type == EventType::expired || type == EventType::lost;
}

void Disk::commit(const action::Persist& persist, Done&& done) {
  queue_.emplace_back(&persist, std::move(done));
  start();
}

void Disk::adopt(Page page) {
  queue_.emplace_back().page = std::move(page);
  start();
}

void Disk::crash() {
  queue_.clear();
  group_.clear();
  busy_ = false;
  ++life_;
  if (!syncs_late_) return;
  if (synced_) tables_ = *synced_;
  watching_.clear();
  for (TaskRow& row : tables_.tasks.all()) {
    row.watched = 0;
    if (row.no != 0 && row.record.phase == Phase::watching) watch(row);
  }
}

const TaskRow* Disk::task(const TaskKey& key) const {
  const TaskRow* row = tables_.tasks.find(key.id);
  return row != nullptr && row->no != 0 && row->record.key == key ? row : nullptr;
}

/// One transaction at a time; what comes meanwhile goes into the next.
void Disk::start() {
  if (busy_ || queue_.empty()) return;
  busy_ = true;
  clock_.in(sync_takes(), [this, life = life_] {
    if (life != life_) return;
    group_.clear();
    group_.swap(queue_);
    finish(full() || (!calm_ && dice_.chance(scenario_.commit_fails)));
  });
}

milliseconds Disk::sync_takes() {
  const milliseconds usual = dice_.between(scenario_.commit_fastest, scenario_.commit_slowest);
  if (calm_) return usual;
  for (const Span& stall : scenario_.disk_stalls) {
    if (stall.has(clock_.now())) return std::max(usual, stall.to - clock_.now());
  }
  return usual;
}

bool Disk::full() const {
  return !calm_ && std::any_of(scenario_.disk_full.begin(), scenario_.disk_full.end(),
                               [this](const Span& span) { return span.has(clock_.now()); });
}

void Disk::finish(bool fails) {
  if (syncs_late_) synced_ = tables_;
  for (Waiting& one : group_) {
    if (one.persist == nullptr) {
      read(one.page);
    } else if (fails) {
      one.result.detail = "disk full";
    } else {
      std::visit([&](const auto& change) { apply(change, one.result); }, one.persist->change);
    }
  }
  // It is durable now; whoever asked hears of it a little later, or dies before.
  clock_.in(milliseconds(1), [this, life = life_] {
    if (life != life_) return;
    for (Waiting& one : group_) {
      if (one.persist != nullptr) one.done(*one.persist, std::move(one.result));
    }
    busy_ = false;
    start();
  });
}

void Disk::read(const Page& page) {
  std::vector<Event> all;
  for (const std::string& name : tables_.disabled) all.emplace_back(event::ReceiverAdopted{name, true});
  for (const auto& [name, since] : tables_.failing) all.emplace_back(event::ReceiverAdopted{name, false, since});
  for (const auto& [gateway, state] : tables_.learned) all.emplace_back(event::LearnedAdopted{gateway, state});
  std::map<TaskNo, const TaskRow*> live;
  for (const TaskRow& row : tables_.tasks.all()) {
    if (row.no != 0 && row.record.phase != Phase::done) live.emplace(row.no, &row);
  }
  for (const auto& [no, row] : live) all.emplace_back(event::Adopted{row->record});
  for (const DeliveryRow& row : tables_.deliveries) {
    if (row.record.state == DeliveryState::pending || row.record.state == DeliveryState::held) {
      all.emplace_back(event::DeliveryAdopted{row.record});
    }
  }
  milliseconds wait(1);
  for (std::size_t from = 0;; from += kPage) {
    std::vector<Event> some;
    for (std::size_t i = from; i < std::min(all.size(), from + kPage); ++i) some.push_back(all[i]);
    const bool last = some.empty();
    clock_.in(wait, [this, life = life_, page, some = std::move(some)] {
      if (life == life_) page(some);
    });
    if (last) return;
  }
}

// ---- tasks

void Disk::apply(const change::Register& change, CommitResult& result) {
  const Registration& asked = change.registration;
  if (const TaskRow* known = task(asked.key)) {
    result.code = CommitResult::Code::existing;
    result.task = known->record;
    return;
  }
  TaskRow& row = tables_.tasks[asked.key.id];
  unwatch(row);
  row = TaskRow{};
  row.plan = plans_[asked.key.id];
  row.no = ++tables_.last_task;
  row.record.key = asked.key;
  row.record.action = asked.action;
  row.record.save = asked.save.value_or(SaveMode::image);
  row.record.seed = scenario_.settings.images.seed;
  row.record.registered_at = row.record.changed_at = change.at;
  row.record.expire_at = change.at + asked.expire_after.value_or(scenario_.settings.watch.expire_after);
  row.record.submitted_at = asked.submitted_at;
  row.events_wanted = asked.events.value_or(0);
  row.receivers =
      asked.webhooks ? std::make_shared<const std::vector<WebhookTarget>>(*asked.webhooks) : default_receivers_;
  result.code = CommitResult::Code::done;
  result.task = row.record;
  tables_.ever[asked.key.id] = true;
  watch(row);
}

void Disk::watch(TaskRow& row) {
  watching_.push_back(task_place(row.record.key.id));
  row.watched = watching_.size();
}

/// The last takes its place.
void Disk::unwatch(TaskRow& row) {
  if (row.watched == 0) return;
  const std::size_t last = watching_.back();
  watching_[row.watched - 1] = last;
  tables_.tasks.at(last).watched = row.watched;
  row.watched = 0;
  watching_.pop_back();
}

/// A late picture of a task that has ended is the only news there can be of it.
bool Disk::allowed(const TaskRow& row, const change::Task& change) {
  if (row.record.phase != Phase::done) return true;
  return change.phase == Phase::done && change.ending == row.ending && !change.snapshot &&
         std::none_of(change.events.begin(), change.events.end(), is_final_event);
}

void Disk::apply(const change::Task& change, CommitResult& result) {
  TaskRow* const found = row(change.key);
  if (found == nullptr || !allowed(*found, change)) {
    result.code = CommitResult::Code::missing;
    return;
  }
  TaskRow& row = *found;
  if (change.phase < row.record.phase) broken(change.key, "goes back a phase");
  if (is_final(row.record.status) && change.snapshot) broken(change.key, "is ended, and seen again");
  if (row.ending != Ending::none && change.ending != row.ending) broken(change.key, "ends twice, differently");
  result.code = CommitResult::Code::done;
  if (change.snapshot) merge(row, *change.snapshot, change.at);
  if (row.record.phase == Phase::watching && row.record.status == Status::success) {
    row.record.success_at = change.at;
    const auto& live = row.plan->pictures.links_live;
    if (live) row.record.link_expires_at = change.at + *live;
  }
  row.record.stalled = change.stalled;
  row.record.phase = change.phase;
  if (change.phase != Phase::watching) unwatch(row);
  row.ending = change.ending;
  result.events.reserve(change.events.size());
  for (const EventType type : change.events) tell(row, type, change.at, result);
  if (change.phase == Phase::done) {
    row.ended = clock_.now();
    if (row.final_event == 0) broken(change.key, "is done without a final event");
  }
  if (change.phase >= Phase::late && row.ending == Ending::none) broken(change.key, "is over without an ending");
  if (change.phase != Phase::watching) result.task = row.record;  // nobody needs to be told what goes on
}

void Disk::merge(TaskRow& row, const Snapshot& seen, WallTime at) {
  TaskRecord& record = row.record;
  const bool moves = (seen.status != Status::unknown && seen.status != record.status) ||
                     (seen.progress && seen.progress != record.progress);
  if (moves) record.changed_at = at;
  if (seen.status != Status::unknown) record.status = seen.status;
  if (seen.progress) record.progress = seen.progress;
  if (!seen.action.empty()) record.action = seen.action;
  if (seen.submitted) record.submitted_at = seen.submitted;
  if (seen.started) record.started_at = seen.started;
  record.digest = seen.digest;
}

void Disk::apply(const change::Forget& change, CommitResult& result) {
  TaskRow* const found = row(change.key);
  result.code = found != nullptr ? CommitResult::Code::done : CommitResult::Code::missing;
  if (found == nullptr) return;
  unwatch(*found);
  *found = TaskRow{};
}

void Disk::apply(const change::AddReceiver& change, CommitResult& result) {
  TaskRow* const found = row(change.key);
  result.code = CommitResult::Code::missing;
  if (found == nullptr) return;
  TaskRow& row = *found;
  const std::string name = receiver_of(change.target).name;
  const auto same = [&](const WebhookTarget& other) { return receiver_of(other).name == name; };
  result.code = CommitResult::Code::existing;
  std::vector<WebhookTarget> receivers = *row.receivers;
  if (std::any_of(receivers.begin(), receivers.end(), same)) return;
  receivers.push_back(change.target);
  row.receivers = std::make_shared<const std::vector<WebhookTarget>>(std::move(receivers));
  result.code = CommitResult::Code::done;
  if (row.final_event != 0) deliver(*tables_.events.find(row.final_event), change.target, change.at, true, result);
}

// ---- events and deliveries

bool Disk::wants(const TaskRow& row, const WebhookTarget& target, EventType type) const {
  constexpr EventMask usual = ~(mask_of(EventType::progress) | mask_of(EventType::started));
  EventMask mask = row.events_wanted != 0 ? row.events_wanted : usual;
  if (target.events) mask = *target.events;
  return (mask & mask_of(type)) != 0;
}

void Disk::tell(TaskRow& row, EventType type, WallTime at, CommitResult& result) {
  if (type == EventType::started && std::exchange(row.started, true)) return;  // is told once
  CommittedEvent& told = result.events.emplace_back(EventNo{0}, type, row.record.key, 0U, at);
  const bool heard = std::any_of(row.receivers->begin(), row.receivers->end(),
                                 [&](const WebhookTarget& target) { return wants(row, target, type); });
  if (type == EventType::progress && !heard) return;
  EventRow event;
  event.no = told.no = tables_.events.next();
  event.type = type;
  event.task = row.no;
  event.plan = row.plan;
  event.sequence = told.sequence = ++row.sequence;
  event.webhook_id = new_id();
  told.webhook_id = text(event.webhook_id);
  if (is_final_event(type)) {
    if (row.final_event != 0) broken(row.record.key.id + " has a second final event");
    row.final_event = event.no;
  }
  for (const WebhookTarget& target : *row.receivers) {
    if (wants(row, target, type)) deliver(event, target, at, false, result);
  }
  tables_.events.add(std::move(event));
}

/// Long enough never to come twice.
WebhookId Disk::new_id() {
  constexpr unsigned kBits = 55;  // eleven letters
  return dice_.roll() & ((WebhookId{1} << kBits) - 1);
}

void Disk::deliver(const EventRow& event, const WebhookTarget& target, WallTime at, bool late, CommitResult& result) {
  DeliveryRow row;
  row.record.no = tables_.deliveries.next();
  row.record.event = event.no;
  row.record.task = event.task;
  row.record.sequence = event.sequence;
  row.record.type = event.type;
  row.record.receiver = receiver_of(target);
  const auto& receivers = scenario_.receivers;
  row.receiver = static_cast<std::size_t>(std::distance(receivers.begin(), receivers.find(row.record.receiver.name)));
  row.record.state = disabled(row.record.receiver.name) ? DeliveryState::held : DeliveryState::pending;
  row.record.due = at;
  row.webhook_id = event.webhook_id;
  row.made = clock_.now();
  row.out_of_order = late;
  result.deliveries.push_back(row.record);
  tables_.deliveries.add(std::move(row));
}

void Disk::apply(const change::Delivery& change, CommitResult& result) {
  DeliveryRow* const found = tables_.deliveries.find(change.no);
  result.code = CommitResult::Code::missing;
  if (found == nullptr) return;
  DeliveryRecord& record = found->record;
  if (record.state == DeliveryState::delivered && change.state != DeliveryState::delivered) {
    broken("delivery " + std::to_string(change.no) + " was delivered, and now it was not");
  }
  record.state = change.state;
  record.attempts = change.attempts;
  record.due = change.due;
  if (change.result) record.tried_at = change.result->started_at;
  if (record.state != DeliveryState::pending) tables_.chain_ended(record.task, found->receiver) = clock_.now();
  result.code = CommitResult::Code::done;
}

void Disk::apply(const change::Replay& change, CommitResult& result) {
  result.code = CommitResult::Code::done;
  for (DeliveryRow& row : tables_.deliveries) {
    DeliveryRecord& record = row.record;
    if (change.no ? record.no != *change.no : record.state == DeliveryState::pending) continue;
    if (change.state && record.state != *change.state) continue;
    if (!change.endpoint.empty() && record.receiver.name != change.endpoint) continue;
    record.state = DeliveryState::pending;
    record.attempts = 0;
    record.due = change.at;
    record.tried_at.reset();
    row.out_of_order = true;
    result.deliveries.push_back(record);
  }
}

void Disk::apply(const change::Failing& change, CommitResult& result) {
  if (change.since) {
    tables_.failing[change.endpoint] = *change.since;
  } else {
    tables_.failing.erase(change.endpoint);
  }
  result.code = CommitResult::Code::done;
}

void Disk::apply(const change::Receiver& change, CommitResult& result) {
  result.code = CommitResult::Code::done;
  tables_.failing.erase(change.name);
  if (change.disabled) {
    tables_.disabled.insert(change.name);
  } else {
    tables_.disabled.erase(change.name);
  }
  const auto from = change.disabled ? DeliveryState::pending : DeliveryState::held;
  for (DeliveryRow& row : tables_.deliveries) {
    DeliveryRecord& record = row.record;
    if (record.receiver.name != change.name || record.state != from) continue;
    record.state = change.disabled ? DeliveryState::held : DeliveryState::pending;
    if (change.disabled) continue;
    record.due = change.at;
    result.deliveries.push_back(record);
  }
}

void Disk::apply(const change::Test& change, CommitResult& result) {
  result.code = CommitResult::Code::done;
  EventRow event;
  event.no = tables_.events.next();
  event.webhook_id = new_id();
  WebhookTarget target;
  target.endpoint = change.endpoint;
  deliver(event, target, change.at, true, result);
  tables_.events.add(std::move(event));
}

void Disk::apply(const change::Learned& change, CommitResult& result) {
  std::string& known = tables_.learned[change.gateway];
  known = change.lessons ? merge_learned(known, change.state) : change.state;
  if (change.lessons) result.learned = known;
  result.code = CommitResult::Code::done;
}

}  // namespace mjwatchd::sim
