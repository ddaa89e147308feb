#include "daemon/core/outbox_book.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace mjwatchd::outbox {
namespace {

// Beyond so many groups even one with a history is forgotten when nobody uses it.
constexpr std::size_t kGroupsRemembered = 10'000;

}  // namespace

bool is_final(EventType type) {
  return type == EventType::succeeded || type == EventType::failed || type == EventType::cancelled ||
         type == EventType::expired || type == EventType::lost;
}

bool can_be_overtaken(EventType type) {
  return type == EventType::started || type == EventType::progress || type == EventType::stalled;
}

Book::Book(const WebhookSettings& settings) { configure(settings); }

Index Book::find(DeliveryNo no) const {
  return by_no_.find(hash(no), [&](Index i) { return entries_[i].no == no; });
}

Index Book::add(const DeliveryRecord& record) {
  assert(find(record.no) == kNone);
  Index index = free_entry_;
  if (index == kNone) {
    index = entries_.add();
  } else {
    free_entry_ = entries_[index].next;
  }
  const Index who = intern(record.receiver.name, record.receiver.group);
  Entry& entry = entries_[index];
  entry.no = record.no;
  entry.task = record.task;
  entry.sequence = record.sequence;
  entry.receiver = who;
  entry.next = kNone;
  entry.attempts = static_cast<std::uint16_t>(std::min<std::uint32_t>(record.attempts, 0xffff));
  entry.type = record.type;
  entry.claim = Claim::ours;
  move(index, Place::queued);
  by_no_.insert(index);
  ++receivers_[who].pending;
  link(index);
  return index;
}

void Book::link(Index index) {
  Entry& entry = entries_[index];
  if (entry.task == 0) return;
  const Index head = first_of(entry.receiver, entry.task);
  if (head == kNone) return chains_.insert(index);
  const bool head_busy = entries_[head].place == Place::flying || entries_[head].place == Place::recording;
  if (!head_busy && entry.sequence < entries_[head].sequence) {
    entry.next = head;
    move(head, Place::queued);
    chains_.replace(head, index);
    return;
  }
  Index before = head;
  while (entries_[before].next != kNone && entries_[entries_[before].next].sequence <= entry.sequence) {
    before = entries_[before].next;
  }
  entry.next = entries_[before].next;
  entries_[before].next = index;
}

Index Book::unlink(Index index) {
  const Entry& entry = entries_[index];
  if (entry.task == 0) return kNone;
  Index before = first_of(entry.receiver, entry.task);
  assert(before != kNone);
  if (before == index) {
    if (entry.next == kNone) {
      chains_.erase(index);
    } else {
      chains_.replace(index, entry.next);
    }
    return entry.next;
  }
  while (entries_[before].next != index) before = entries_[before].next;
  entries_[before].next = entry.next;
  return kNone;
}

Index Book::remove(Index index) {
  Entry& entry = entries_[index];
  assert(entry.place != Place::vacant);
  const Index heir = unlink(index);
  by_no_.erase(index);
  assert(receivers_[entry.receiver].pending > 0);
  --receivers_[entry.receiver].pending;
  move(index, Place::vacant);
  entry.next = free_entry_;
  free_entry_ = index;
  return heir != kNone && entries_[heir].place == Place::queued ? heir : kNone;
}

void Book::move(Index index, Place place) {
  Entry& entry = entries_[index];
  entry.place = place;
  if (++entry.generation == kNoGeneration) entry.generation = 0;
}

bool Book::valid(Ref ref) const { return entries_[ref.entry].generation == ref.generation; }

bool Book::first(Index index) const {
  const Entry& entry = entries_[index];
  return entry.task == 0 || first_of(entry.receiver, entry.task) == index;
}

Index Book::first_of(Index receiver, TaskNo task) const {
  return chains_.find(hash_of_task(task),
                      [&](Index i) { return entries_[i].task == task && entries_[i].receiver == receiver; });
}

std::vector<Index> Book::all_of(TaskNo task) const {
  std::vector<Index> all;
  if (task == 0) return all;  // those are of no task, and in no chain
  chains_.each(hash_of_task(task), [&](Index first) {
    if (entries_[first].task != task) return;
    for (Index i = first; i != kNone; i = entries_[i].next) all.push_back(i);
  });
  return all;
}

bool Book::overtaken(Index index) const {
  if (!can_be_overtaken(entries_[index].type)) return false;
  for (Index later = entries_[index].next; later != kNone; later = entries_[later].next) {
    if (is_final(entries_[later].type)) return true;
  }
  return false;
}

Index Book::intern(std::string_view name, std::string_view group) {
  if (const Index known = find_receiver(name); known != kNone) {
    Receiver& receiver = receivers_[known];
    // Known by name alone so far (it was adopted as disabled): now its group is said.
    if (receiver.group == kNone && !group.empty()) {
      receiver.group = intern_group(group);
      ++groups_[receiver.group].receivers;
    }
    return known;
  }
  Index index = 0;
  if (free_receivers_.empty()) {
    index = static_cast<Index>(receivers_.size());
    receivers_.emplace_back();
  } else {
    index = free_receivers_.back();
    free_receivers_.pop_back();
  }
  Receiver& receiver = receivers_[index];
  receiver = Receiver{};
  receiver.name = std::string(name);
  receiver.configured = is_configured(name);
  if (!group.empty()) {
    receiver.group = intern_group(group);
    ++groups_[receiver.group].receivers;
  }
  receiver_by_name_.emplace(receiver.name, index);
  return index;
}

Index Book::find_receiver(std::string_view name) const {
  const auto found = receiver_by_name_.find(std::string(name));
  return found == receiver_by_name_.end() ? kNone : found->second;
}

void Book::release_if_idle(Index index, Time now) {
  Receiver& receiver = receivers_[index];
  if (receiver.pending != 0 || receiver.held != 0 || receiver.disabled || endpoints_.contains(receiver.name)) return;
  if (receiver.name.empty()) return;
  receiver_by_name_.erase(receiver.name);
  const Index group = receiver.group;
  receiver = Receiver{};
  free_receivers_.push_back(index);
  if (group != kNone && --groups_[group].receivers == 0) release_group(group, now);
}

Index Book::intern_group(std::string_view name) {
  const auto found = group_by_name_.find(std::string(name));
  if (found != group_by_name_.end()) return found->second;
  Group fresh{std::string(name), SendGroup(limits_of(name), daemons_), {}, 0, false, kNever};
  Index index = 0;
  if (free_groups_.empty()) {
    index = static_cast<Index>(groups_.size());
    groups_.push_back(std::move(fresh));
  } else {
    index = free_groups_.back();
    free_groups_.pop_back();
    groups_[index] = std::move(fresh);
  }
  group_by_name_.emplace(std::string(name), index);
  return index;
}

void Book::release_group(Index index, Time now) {
  Group& group = groups_[index];
  // The ring and the timers know groups by index; one they still hold stays for the next user.
  if (group.in_ring || group.gate.in_flight() != 0) return;
  if (!group.gate.plain(now) && group_by_name_.size() <= kGroupsRemembered) return;
  group_by_name_.erase(group.name);
  group.ready.clear();
  free_groups_.push_back(index);
}

bool Book::is_configured(std::string_view name) const {
  return name.starts_with("url:") || endpoints_.contains(std::string(name));
}

EndpointSettings Book::limits_of(std::string_view group) const {
  const auto found = endpoints_.find(std::string(group));
  return found == endpoints_.end() ? EndpointSettings{} : found->second;
}

void Book::share(unsigned daemons, Time now) {
  daemons_ = daemons;
  for (const auto& [name, index] : group_by_name_) groups_[index].gate.share(daemons, now);
}

void Book::configure(const WebhookSettings& settings) {
  endpoints_ = settings.endpoints;
  for (Receiver& receiver : receivers_) {
    if (!receiver.name.empty()) receiver.configured = is_configured(receiver.name);
  }
  for (const auto& [name, limits] : endpoints_) intern(name, name);
  for (const auto& [name, index] : group_by_name_) groups_[index].gate.set_limits(limits_of(name));
}

}  // namespace mjwatchd::outbox
