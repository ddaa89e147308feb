#include "daemon/core/poller.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace mjwatchd {
namespace {
using namespace std::chrono_literals;
constexpr milliseconds kAloneAgain = 10s;  ///< a single fetch that told nothing
/// What one moment's batch made the gateway stumble over, it may digest later.
constexpr milliseconds kAloneFor = 30min;
/// Two clocks further apart than this don't agree.
constexpr milliseconds kAgree = 1s;
}  // namespace

Poller::Poller(std::string name, std::uint16_t number, const GatewaySettings* settings, const WatchSettings& watch,
               Now now)
    : name_(std::move(name)), number_(number), watch_(watch) {
  reconfigure(settings, watch, now);
}

void Poller::reconfigure(const GatewaySettings* settings, const WatchSettings& watch, Now now) {
  const std::string learned(schedule_ ? schedule_->learned() : restored_);
  if (schedule_) lessons_.add(schedule_->take_lessons());
  watch_ = watch;
  // A fresh schedule takes the new numbers. What is out comes back to it as to a stranger.
  tasks_.each([this](TaskSlot slot) { tasks_[slot].scheduled = false; });
  if (settings == nullptr) {
    settings_.reset();
    restored_ = learned;
    schedule_.reset();
    pieces_.clear();
    alone_.clear();
    if (calls_.empty()) link_.reset();
    tasks_.each([this](TaskSlot slot) {
      if (tasks_[slot].place == TaskPlace::waiting ||
          (tasks_[slot].place == TaskPlace::asked && tasks_[slot].call == 0)) {
        tasks_[slot].place = TaskPlace::held;
      }
    });
    return;
  }
  settings_ = *settings;
  if (link_) {
    link_->reconfigure(*settings);
  } else {
    link_ = std::make_unique<GatewayLink>(name_, *settings, now.steady);
    link_->share(daemons_, now.steady);
  }
  schedule_ = make_schedule(*settings, watch);
  if (!learned.empty()) schedule_->restore(learned);
  if (keeps_lessons_) schedule_->keep_lessons();
  tasks_.each([this, now](TaskSlot slot) {
    const TaskPlace place = tasks_[slot].place;
    if (place == TaskPlace::held || place == TaskPlace::waiting) enter(slot, now);
  });
}

void Poller::share(unsigned daemons, Now now) {
  daemons_ = daemons;
  if (link_) link_->share(daemons, now.steady);
}

TaskFacts Poller::facts(const Task& task) const {
  return {tasks_.action(task), task.submitted, task.started, task.status, task.progress};
}

void Poller::enter(TaskSlot slot, Now now) {
  Task& task = tasks_[slot];
  task.call = 0;
  if (task.phase != Phase::watching) return;
  if (!schedule_) {
    task.place = TaskPlace::held;
    return;
  }
  assert(!task.scheduled);
  schedule_->add(slot, facts(task), now.steady);
  task.scheduled = true;
  task.place = TaskPlace::waiting;
}

void Poller::settle(TaskSlot slot) {
  Task& task = tasks_[slot];
  if (task.scheduled && task.place == TaskPlace::waiting) {
    schedule_->removed(slot);
    task.scheduled = false;
  }
  task.place = TaskPlace::settling;
  task.call = 0;
}

void Poller::unchanged(TaskSlot slot, const Look& look, Now now) {
  Task& task = tasks_[slot];
  if (!task.scheduled) return enter(slot, now);
  task.call = 0;
  task.place = TaskPlace::waiting;
  schedule_->looked(slot, look);
}

void Poller::again(TaskSlot slot, Time earliest, Now now) {
  Task& task = tasks_[slot];
  if (!task.scheduled) return enter(slot, now);
  task.call = 0;
  task.place = TaskPlace::waiting;
  schedule_->put_back(slot, earliest);
}

void Poller::finished(TaskSlot slot, const Look* look) {
  Task& task = tasks_[slot];
  if (look != nullptr) {
    ++noticed_;
    if (look->finished) {
      const Time from = std::max(*look->finished, Time(task.registered));  // before that it was nobody's wait
      delays_.add(std::chrono::duration<double>(look->answered - from).count());
    }
  }
  if (task.scheduled) {
    if (look != nullptr) {
      schedule_->ended(slot, *look);
      taught_ = keeps_lessons_;
    } else {
      schedule_->removed(slot);
    }
  }
  task.scheduled = false;
  task.call = 0;
  task.place = TaskPlace::held;
}

void Poller::hasten(TaskSlot slot, Now now) {
  if (tasks_[slot].place == TaskPlace::waiting) schedule_->hasten(slot, now.steady);
}

void Poller::drop(TaskSlot slot) {
  if (tasks_[slot].scheduled) schedule_->removed(slot);
  tasks_.drop(slot);
}

void Poller::ask_alone(TaskSlot slot) {
  Task& task = tasks_[slot];
  task.place = TaskPlace::asked;
  task.call = 0;
  alone_.push_back({slot, task.generation});
}

bool Poller::queued(const Part& part) const {
  return tasks_.is(part.slot, part.generation) && tasks_[part.slot].place == TaskPlace::asked &&
         tasks_[part.slot].call == 0;
}

// ---- asking

void Poller::pump(Now now, CallNo& last_call, Actions& out, std::unordered_map<CallNo, Poller*>& calls) {
  if (!settings_ || link_->ready_at() > now.steady) return;
  if (pieces_.empty() && alone_.empty() && schedule_->next_call() > now.steady) return;
  Call call;
  while (link_->ready_at() <= now.steady && next_call(now, call)) {
    const CallNo no = ++last_call;
    calls.emplace(no, this);
    leave(no, std::move(call), now, out);
    call = Call{};
  }
}

bool Poller::next_call(Now now, Call& call) {
  call.asked = now.steady;
  // What was taken longest ago goes first: parts of a refused batch, then those by themselves.
  return from_pieces(call) || from_alone(call) || from_schedule(now, call);
}

bool Poller::from_pieces(Call& call) {
  while (!pieces_.empty()) {
    Piece& piece = pieces_.front();
    const std::size_t most = link_->most();
    while (!piece.empty() && call.slots.size() < most) {
      if (queued(piece.back())) call.slots.push_back(piece.back().slot);
      piece.pop_back();
    }
    if (piece.empty()) pieces_.pop_front();
    if (!call.slots.empty()) {
      call.batch = true;
      return true;
    }
  }
  return false;
}

bool Poller::from_alone(Call& call) {
  while (!alone_.empty()) {
    const Part part = alone_.front();
    alone_.pop_front();
    if (!queued(part)) continue;
    call.slots.push_back(part.slot);
    call.batch = false;
    return true;
  }
  return false;
}

bool Poller::from_schedule(Now now, Call& call) {
  if (schedule_->next_call() > now.steady) return false;
  const bool batch = link_->batches(now.steady);
  taken_.clear();
  schedule_->take(now.steady, batch ? link_->most() : 1, taken_);
  call.slots.reserve(taken_.size());
  for (const TaskSlot slot : taken_) {
    Task& task = tasks_[slot];
    assert(task.place == TaskPlace::waiting && task.scheduled);
    task.place = TaskPlace::asked;
    if (task.alone_until() > now.steady && taken_.size() > 1) {
      ask_alone(slot);
    } else {
      call.slots.push_back(slot);
    }
  }
  if (call.slots.empty()) return from_alone(call);
  call.batch = batch && !(call.slots.size() == 1 && tasks_[call.slots.front()].alone_until() > now.steady);
  return true;
}

void Poller::leave(CallNo no, Call call, Now now, Actions& out) {
  for (const TaskSlot slot : call.slots) tasks_[slot].call = mark_of(no);
  link_->called(now.steady, no, call.slots.size());
  if (call.batch) {
    batch_ids_ += call.slots.size();
    batch_room_ += settings_->batch;
    action::FetchBatch fetch{no, name_, {}};
    fetch.ids.reserve(call.slots.size());
    for (const TaskSlot slot : call.slots) fetch.ids.push_back(tasks_[slot].id.str());
    out.emplace_back(std::move(fetch));
  } else {
    out.emplace_back(action::FetchOne{no, {name_, tasks_[call.slots.front()].id.str()}});
  }
  calls_.emplace(no, std::move(call));
}

// ---- hearing

void Poller::replied(CallNo no, FetchReply& reply, Now now, Actions& out, std::vector<News>& news) {
  const auto found = calls_.find(no);
  assert(found != calls_.end());
  Call call = std::move(found->second);
  calls_.erase(found);
  const std::size_t ids = call.slots.size();
  // Those deleted, expired or released meanwhile are no longer in this call.
  std::erase_if(call.slots,
                [&](TaskSlot slot) { return tasks_[slot].generation == 0 || tasks_[slot].call != mark_of(no); });
  if (reply.gateway_clock) clock_.heard(*reply.gateway_clock, call.asked, now);
  const auto outcome = link_->replied(no, call.batch, ids, reply, now.steady, out);
  switch (outcome) {
    case GatewayLink::Outcome::read:
      read(call, no, reply, now, out, news);
      break;
    case GatewayLink::Outcome::unknown:
      for (const TaskSlot slot : call.slots) absent(slot, call, now, out, news);
      break;
    case GatewayLink::Outcome::split:
      split(call, now);
      break;
    case GatewayLink::Outcome::singly:
      for (const TaskSlot slot : call.slots) again(slot, now.steady, now);
      break;
    case GatewayLink::Outcome::later:
      for (const TaskSlot slot : call.slots) {
        // By itself it fares no better: the gateway is ill, not batches with it.
        if (!call.batch && link_->state(now.steady) == GatewayLink::State::open)
          tasks_[slot].in_trouble().alone_until = Time::min();
        again(slot, soon(call, call.batch ? 0ms : kAloneAgain, now), now);
      }
      break;
  }
  if (!settings_ && calls_.empty()) link_.reset();
}

/// Most replies are in the order that was asked in. Among a million, seeking an id waits for memory.
std::optional<TaskSlot> Poller::slot_of(const std::string& id, const Call& call, std::size_t& expected) const {
  if (expected < call.slots.size() && tasks_[call.slots[expected]].id == id) return call.slots[expected++];
  const auto slot = tasks_.find(id);
  if (!slot) return std::nullopt;
  const auto place = std::find(call.slots.begin(), call.slots.end(), *slot);
  if (place != call.slots.end()) expected = static_cast<std::size_t>(place - call.slots.begin()) + 1;
  return slot;
}

void Poller::read(const Call& call, CallNo no, FetchReply& reply, Now now, Actions& out, std::vector<News>& news) {
  seen_any_ = seen_any_ || call.batch;
  std::size_t expected = 0;
  for (Snapshot& snapshot : reply.tasks) {
    const auto slot = slot_of(snapshot.id, call, expected);
    if (!slot || tasks_[*slot].call != mark_of(no)) continue;  // foreign, not asked for, or told twice
    Task& task = tasks_[*slot];
    task.call = 0;
    if (task.rare) task.rare->trouble.missing_since.reset();
    seen_any_ = true;
    Look look{call.asked,
              now.steady,
              snapshot.status,
              snapshot.progress,
              clock_.place(snapshot.submitted, now),
              clock_.place(snapshot.started, now),
              true_end(task, call, snapshot.finished, now)};
    task.seen = now.steady;
    news.push_back({*slot, &snapshot, look});
  }
  notice_forgetting(call, no, now, out);
  for (const TaskSlot slot : call.slots) {
    if (tasks_[slot].generation == 0 || tasks_[slot].call != mark_of(no)) continue;
    if (!call.batch && !reply.tasks.empty()) {  // another task was shown: that says nothing of this one
      again(slot, soon(call, kAloneAgain, now), now);
    } else {
      absent(slot, call, now, out, news);
    }
  }
}

std::optional<Time> Poller::true_end(const Task& task, const Call& call, std::optional<WallTime> finished,
                                     Now now) const {
  if (!finished) return std::nullopt;
  const Time end = clock_.on_line(*finished, now);
  if (end > now.steady + kAgree) return std::nullopt;
  // The reply that saw it unfinished was of a moment before it came; replies take about as long as this one.
  const milliseconds on_its_way = now.steady - call.asked;
  if (task.seen != Time::min() && end + kAgree + on_its_way < task.seen) return std::nullopt;
  return std::min(end, now.steady);
}

void Poller::split(const Call& call, Now now) {
  if (!settings_) {
    for (const TaskSlot slot : call.slots) again(slot, now.steady, now);
    return;
  }
  if (call.slots.size() == 1) {
    tasks_[call.slots.front()].in_trouble().alone_until = now.steady + kAloneFor;
    return ask_alone(call.slots.front());
  }
  Piece halves[2];
  for (std::size_t i = 0; i < call.slots.size(); ++i) {
    Task& task = tasks_[call.slots[i]];
    task.call = 0;
    halves[i < call.slots.size() / 2 ? 0 : 1].push_back({call.slots[i], task.generation});
  }
  for (Piece& half : halves) {
    if (!half.empty()) pieces_.push_back(std::move(half));
  }
}

Time Poller::next_wakeup() const {
  if (!settings_) return kNever;
  const Time work = !pieces_.empty() || !alone_.empty() ? Time::min() : schedule_->next_call();
  if (work == kNever) return kNever;
  return std::max(work, link_->ready_at());
}

GatewayView Poller::view(Now now) const {
  GatewayView view;
  view.name = name_;
  view.configured = settings_.has_value();
  view.live = tasks_.size();
  view.noticed = noticed_;
  view.delay = delays_.view();
  view.clock_ahead = clock_.ahead();
  if (batch_room_ > 0) view.batch_fill = static_cast<double>(batch_ids_) / static_cast<double>(batch_room_);
  if (schedule_) view.beliefs = schedule_->beliefs();
  if (!link_) return view;
  static constexpr const char* kStates[] = {"up", "throttled", "open", "probing", "refused"};
  view.in_flight = link_->in_flight();
  view.state = kStates[static_cast<std::size_t>(link_->state(now.steady))];
  view.last_error = link_->last_error();
  view.batches = link_->has_batches();
  view.calls = link_->calls();
  view.failed_calls = link_->failed();
  view.ids_asked = link_->ids_asked();
  view.budget_left = link_->budget_left();
  return view;
}

std::optional<Time> Poller::longest_unasked() const {
  std::optional<Time> oldest;
  tasks_.each([&](TaskSlot slot) {
    const Task& task = tasks_[slot];
    if (task.phase != Phase::watching || task.place == TaskPlace::held) return;
    const Time since = std::max(Time(task.seen), Time(task.registered));
    if (!oldest || since < *oldest) oldest = since;
  });
  return oldest;
}

}  // namespace mjwatchd
