#include "mjwatchd/watcher.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "daemon/core/watcher_impl.hpp"

namespace mjwatchd {

Watcher::Watcher(const Settings& settings, Now now) : impl_(std::make_unique<Impl>(settings, now)) {}
Watcher::~Watcher() = default;
void Watcher::handle(std::span<Event> events, Now now, Actions& out) { impl_->handle(events, now, out); }
void Watcher::adopt(std::span<Event> page, Now now, Actions& out) { impl_->adopt(page, now, out); }
Time Watcher::next_wakeup() const { return impl_->next_wakeup(); }
void Watcher::reconfigure(const Settings& settings, Now now, Actions& out) { impl_->reconfigure(settings, now, out); }
void Watcher::stop() { impl_->stop(); }
std::size_t Watcher::live() const { return impl_->live(); }
std::size_t Watcher::saving() const { return impl_->saving(); }
bool Watcher::holds(const TaskKey& key) const { return impl_->holds(key); }
std::map<std::string, Time> Watcher::longest_unasked() const { return impl_->longest_unasked(); }
std::vector<GatewayView> Watcher::gateways() const { return impl_->gateways(); }
const Outbox& Watcher::outbox() const { return impl_->outbox(); }

Watcher::Impl::Impl(const Settings& settings, Now now)
    : settings_(settings), outbox_(settings_.webhooks, settings_.seed, last_change_), now_(now) {
  for (const auto& [name, gateway] : settings_.gateways) open(name, &gateway);
}

void Watcher::Impl::handle(std::span<Event> events, Now now, Actions& out) {
  adopt(events, now, out);
  out_ = &out;
  advance();
  out_ = nullptr;
}

void Watcher::Impl::adopt(std::span<Event> page, Now now, Actions& out) {
  assert(now.steady >= now_.steady);
  now_ = now;
  out_ = &out;
  for (Event& event : page) {
    std::visit([this](auto& heard) { hear(heard); }, event);
  }
  out_ = nullptr;
}

void Watcher::Impl::advance() {
  if (!stopped_) {
    run_deadlines();
    for (auto& [name, poller] : pollers_) {
      if (!overwhelmed()) poller->pump(now_, last_call_, *out_, calls_);
    }
    save_pictures();
    learn();
  } else if (shared_ && !std::exchange(taught_all_, true)) {
    for (auto& [name, poller] : pollers_) share_lessons(*poller);
  }
  outbox_.advance(now_, *out_);
  find_wakeup();
}

void Watcher::Impl::stop() {
  stopped_ = true;
  outbox_.stop();
  find_wakeup();
}

void Watcher::Impl::reconfigure(const Settings& settings, Now now, Actions& out) {
  now_ = now;
  out_ = &out;
  settings_ = settings;
  for (auto& [name, poller] : pollers_) {
    const auto found = settings_.gateways.find(name);
    poller->reconfigure(found == settings_.gateways.end() ? nullptr : &found->second, settings_.watch, now);
  }
  for (const auto& [name, gateway] : settings_.gateways) {
    if (!pollers_.contains(name)) open(name, &gateway);
  }
  outbox_.reconfigure(settings_.webhooks, now, out);
  for (Poller* const poller : numbered_) {  // other settings, other deadlines
    poller->tasks().each([&](TaskSlot slot) { arm({poller, slot, poller->tasks()[slot].generation}); });
  }
  advance();
  out_ = nullptr;
}

// ---- what is heard

void Watcher::Impl::hear(const event::Registered& event) {
  auto& change = new_change<change::Register>();
  change.registration = event.registration;
  change.at = now_.wall;
  persist(Registering{event.ticket});
}

void Watcher::Impl::hear(const event::Deleted& event) {
  new_change<change::Forget>().key = event.key;
  persist(Forgetting{event.ticket, event.key});
}

void Watcher::Impl::hear(const event::ChangeAsked& event) {
  const auto* receiver = std::get_if<change::Receiver>(&event.change);
  out_->emplace_back(std::in_place_type<action::Persist>, 0U, event.change);
  persist(Asking{event.ticket, receiver ? std::optional(*receiver) : std::nullopt});
}

void Watcher::Impl::hear(const event::RefreshAsked& event) {
  auto ref = find(event.key);
  if (!ref && event.record && event.record->status == Status::success && event.record->phase != Phase::watching) {
    ref = adopt(*event.record);
    PictureState& pictures = *task_of(*ref).pictures();
    pictures.on_request = task_of(*ref).phase == Phase::done;
  }
  if (!ref) return;
  Task& task = task_of(*ref);
  if (task.pictures()) {
    task.pictures()->next = now_.steady;
    arm(*ref);
  } else {
    ref->poller->hasten(ref->slot, now_);
  }
}

void Watcher::Impl::hear(const event::Adopted& event) {
  if (event.task.phase == Phase::done || find(event.task.key)) return;
  adopt(event.task);
}

void Watcher::Impl::hear(const event::DeliveryAdopted& event) { outbox_.adopt(event.delivery, now_, *out_); }

void Watcher::Impl::hear(const event::ReceiverAdopted& event) {
  // Said again, as after the database was away, it changes nothing: what came to a disabled one since, by a replay, the
  // store has not held with it; what is held of one that is not disabled, because it is not configured, it has not
  // freed.
  const bool known = event.disabled == outbox_.disabled(event.name);
  if (!known) outbox_.receiver(event.name, event.disabled, now_, *out_);
  if (event.failing_since) outbox_.failing(event.name, *event.failing_since, now_, *out_);
}

void Watcher::Impl::hear(const event::LearnedAdopted& event) {
  learned_[event.gateway] = event.state;
  poller(event.gateway).restore(event.state);
}

void Watcher::Impl::hear(const event::Released& event) {
  if (const auto ref = find(event.key)) drop(*ref);
  outbox_.release(event.task, now_);
}

void Watcher::Impl::hear(const event::DeliveryReleased& event) { outbox_.release_delivery(event.delivery, now_); }

void Watcher::Impl::hear(const event::Shared& event) {
  daemons_ = event.daemons;
  const bool first = !std::exchange(shared_, true);
  for (auto& [name, poller] : pollers_) {
    poller->share(daemons_, now_);
    if (first) poller->keep_lessons();
  }
  outbox_.share(daemons_, now_);
}

void Watcher::Impl::hear(event::BatchFetched& event) {
  const auto found = calls_.find(event.call);
  if (found == calls_.end()) return;
  Poller& asked = *found->second;
  calls_.erase(found);
  news_.clear();
  asked.replied(event.call, event.reply, now_, *out_, news_);
  for (const Poller::News& one : news_) news(asked, one);
}

void Watcher::Impl::hear(const event::Sent& event) { outbox_.sent(event.delivery, event.result, now_, *out_); }

// ---- tasks

Poller& Watcher::Impl::poller(const std::string& gateway) {
  const auto found = pollers_.find(gateway);
  return found != pollers_.end() ? *found->second : open(gateway, nullptr);
}

Poller& Watcher::Impl::open(const std::string& name, const GatewaySettings* settings) {
  const auto number = static_cast<std::uint16_t>(numbered_.size());
  auto& place = pollers_[name];
  place = std::make_unique<Poller>(name, number, settings, settings_.watch, now_);
  place->share(daemons_, now_);
  if (shared_) place->keep_lessons();
  numbered_.push_back(place.get());
  learn_next_ = now_.steady;
  return *place;
}

std::optional<Watcher::Impl::Ref> Watcher::Impl::find(const TaskKey& key) const {
  const auto found = pollers_.find(key.gateway);
  if (found == pollers_.end()) return std::nullopt;
  const auto slot = found->second->tasks().find(key.id);
  if (!slot) return std::nullopt;
  return Ref{found->second.get(), *slot, found->second->tasks()[*slot].generation};
}

Watcher::Impl::Ref Watcher::Impl::adopt(const TaskRecord& record) {
  Poller& home = poller(record.key.gateway);
  const TaskSlot slot = home.tasks().add(record, now_);
  const Ref ref{&home, slot, home.tasks()[slot].generation};
  home.enter(slot, now_);
  arm(ref);
  return ref;
}

void Watcher::Impl::drop(const Ref& ref) { ref.poller->drop(ref.slot); }

// ---- time

Time Watcher::Impl::deadline(const Poller& poller, const Task& task) const {
  if (task.place == TaskPlace::settling) return kNever;
  Time when = kNever;
  if (task.phase == Phase::watching) {
    when = task.expire;
  } else if (const PictureState* pictures = task.pictures()) {
    // Pictures of a gateway that is gone from the configuration wait for its return.
    if (!pictures->queued && poller.configured()) when = pictures->next;
    if (task.phase == Phase::saving) when = std::min(when, give_up_at(task));
    if (task.phase == Phase::late && !pictures->queued) when = std::min(when, quiet_end(task));
  }
  return std::max(when, task.not_before());
}

/// Sees to it that the task's deadline has an item. One that lies later than its present item is
/// found when that comes up.
void Watcher::Impl::arm(const Ref& ref) { arm(*ref.poller, ref.slot, deadline(*ref.poller, task_of(ref))); }

void Watcher::Impl::arm(Poller& poller, TaskSlot slot, Time when) {
  Task& task = poller.tasks()[slot];
  if (when >= task.timer) return;
  task.timer = when;
  deadlines_.push({slot, poller.number(), when});
}

void Watcher::Impl::drop_stale_deadlines() {
  while (!deadlines_.empty()) {
    const Deadlines::Item item = deadlines_.top();
    Poller& poller = *numbered_[item.poller];
    Task& task = poller.tasks()[item.slot];
    if (task.timer == item.when) {
      const Time when = deadline(poller, task);
      if (item.when == when) return;
      deadlines_.pop();
      task.timer = kNever;
      arm(poller, item.slot, when);
      continue;
    }
    deadlines_.pop();
  }
}

void Watcher::Impl::run_deadlines() {
  while (!deadlines_.empty() && deadlines_.top().when <= now_.steady) {
    drop_stale_deadlines();
    if (deadlines_.empty() || deadlines_.top().when > now_.steady) break;
    const auto item = deadlines_.top();
    deadlines_.pop();
    const Ref ref = ref_of(item);
    Task& task = task_of(ref);
    task.timer = kNever;
    if (task.phase == Phase::watching) {
      expire(ref);
    } else {
      tend_pictures(ref);
    }
    if (alive(ref)) arm(ref);
  }
  if (deadlines_.size() > 64 && deadlines_.size() > 64 + 4 * live()) {
    deadlines_.sweep([this](const Deadlines::Item& item) { return task_of(ref_of(item)).timer != item.when; });
  }
}

void Watcher::Impl::find_wakeup() {
  next_wakeup_ = kNever;
  if (stopped_) {
    next_wakeup_ = outbox_.next_wakeup();
    return;
  }
  drop_stale_deadlines();
  if (!deadlines_.empty()) next_wakeup_ = deadlines_.top().when;
  if (!overwhelmed()) {  // else the next commit is what wakes them
    for (const auto& [name, poller] : pollers_) next_wakeup_ = std::min(next_wakeup_, poller->next_wakeup());
  }
  next_wakeup_ = std::min(next_wakeup_, outbox_.next_wakeup());
  // Others wait for what was learned here, also when nothing more is to be done.
  const auto teaches = [](const auto& one) { return one.second->has_lessons(); };
  if (shared_ && std::any_of(pollers_.begin(), pollers_.end(), teaches))
    next_wakeup_ = std::min(next_wakeup_, learn_next_);
}

// ---- views

std::size_t Watcher::Impl::live() const {
  std::size_t sum = 0;
  for (const auto& [name, poller] : pollers_) sum += poller->tasks().size();
  return sum;
}

std::size_t Watcher::Impl::saving() const { return saves_.size() + save_queue_.size(); }

bool Watcher::Impl::holds(const TaskKey& key) const { return find(key).has_value(); }

std::vector<GatewayView> Watcher::Impl::gateways() const {
  std::vector<GatewayView> views;
  for (const auto& [name, poller] : pollers_) {
    if (poller->configured() || poller->tasks().size() > 0) views.push_back(poller->view(now_));
  }
  return views;
}

std::map<std::string, Time> Watcher::Impl::longest_unasked() const {
  std::map<std::string, Time> times;
  for (const auto& [name, poller] : pollers_) {
    if (const auto since = poller->longest_unasked()) times.emplace(name, *since);
  }
  return times;
}

}  // namespace mjwatchd
