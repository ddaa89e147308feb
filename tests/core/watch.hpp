// What the core's tests drive a watcher with.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mjwatchd/watcher.hpp"

namespace mjwatchd {
using namespace std::chrono_literals;

/// A watcher with a store that answers when told to, on a clock that the test moves.
class Watch {
 public:
  explicit Watch(Settings settings = defaults()) : watcher(settings, now()) {}

  static Settings defaults() {
    Settings settings;
    settings.gateways["g"] = {};
    settings.webhooks.retry = {5s};
    return settings;
  }
  [[nodiscard]] Now now() const { return {Time(clock), WallTime(1'700'000'000'000ms + clock)}; }

  Actions tell(std::vector<Event> events) {
    Actions out;
    watcher.handle(events, now(), out);
    for (const Action& one : out) {
      if (const auto* batch = std::get_if<action::FetchBatch>(&one))
        calls.push_back({batch->call, true, batch->ids, clock});
      if (const auto* single = std::get_if<action::FetchOne>(&one))
        calls.push_back({single->call, false, {single->key.id}, clock});
      const auto* asked = std::get_if<action::Persist>(&one);
      const auto* known = asked == nullptr ? nullptr : std::get_if<change::Learned>(&asked->change);
      if (known != nullptr) learned = known->state;
    }
    return out;
  }
  Actions at(milliseconds when) {
    clock = when;
    return tell({event::Tick{}});
  }
  TaskRecord record(const std::string& id) const {
    TaskRecord record;
    record.key = {"g", id};
    record.registered_at = record.changed_at = now().wall;
    record.expire_at = now().wall + 24h;
    return record;
  }
  Actions commit(const Actions& actions, CommitResult::Code code = CommitResult::Code::done) {
    const auto* asked = find<action::Persist>(actions);
    REQUIRE(asked != nullptr);
    CommitResult result;
    result.code = code;
    return tell({event::Persisted{asked->no, result}});
  }
  /// Answers the first call among the actions.
  Actions reply(const Actions& actions, FetchReply::Verdict verdict, std::vector<Snapshot> tasks = {}) {
    FetchReply reply;
    reply.verdict = verdict;
    reply.tasks = std::move(tasks);
    CallNo call = 0;
    if (const auto* batch = find<action::FetchBatch>(actions)) call = batch->call;
    if (const auto* one = find<action::FetchOne>(actions)) call = one->call;
    REQUIRE(call != 0);
    return tell({event::BatchFetched{call, std::move(reply)}});
  }
  struct Call {
    CallNo no = 0;
    bool batch = false;
    std::vector<std::string> ids;
    milliseconds left{};  ///< when
  };
  /// Takes the oldest call nobody has taken, letting time pass until there is one, at most `limit`.
  std::optional<Call> call_within(milliseconds limit) {
    const milliseconds end = clock + limit;
    while (calls.empty() && watcher.next_wakeup() <= Time(end)) {
      commit_all(at(std::max(clock, watcher.next_wakeup().time_since_epoch())));
    }
    if (calls.empty()) {
      clock = end;
      return std::nullopt;
    }
    Call first = std::move(calls.front());
    calls.pop_front();
    return first;
  }
  Call call() {
    const auto next = call_within(2h);
    REQUIRE(next);
    return *next;
  }
  Actions reply(const Call& call, FetchReply reply) {
    return commit_all(tell({event::BatchFetched{call.no, std::move(reply)}}));
  }
  Actions reply(const Call& call, FetchReply::Verdict verdict, std::vector<Snapshot> tasks = {}) {
    FetchReply said;
    said.verdict = verdict;
    said.tasks = std::move(tasks);
    return reply(call, std::move(said));
  }
  /// Tells of all that were asked for that they are running, and commits that.
  Actions answer(const Call& call) {
    std::vector<Snapshot> seen;
    for (const std::string& id : call.ids) seen.push_back(snapshot(id, Status::in_progress));
    return reply(call, FetchReply::Verdict::answered, std::move(seen));
  }
  /// Commits every change among the actions, and those that follow from it; answers the rest.
  Actions commit_all(Actions actions) {
    Actions rest;
    std::vector<Event> committed;
    for (Action& one : actions) {
      const auto* asked = std::get_if<action::Persist>(&one);
      if (asked == nullptr) {
        rest.push_back(std::move(one));
        continue;
      }
      CommitResult result;
      result.code = CommitResult::Code::done;
      committed.emplace_back(event::Persisted{asked->no, result});
    }
    if (committed.empty()) return rest;
    for (Action& one : commit_all(tell(std::move(committed)))) rest.push_back(std::move(one));
    return rest;
  }
  template <typename Kind>
  static std::size_t count(const Actions& actions) {
    return static_cast<std::size_t>(std::count_if(actions.begin(), actions.end(),
                                                  [](const Action& one) { return std::holds_alternative<Kind>(one); }));
  }
  [[nodiscard]] GatewayView view() const { return watcher.gateways().front(); }
  static Snapshot snapshot(const std::string& id, Status status, std::optional<std::uint8_t> progress = {}) {
    Snapshot seen;
    seen.id = id;
    seen.status = status;
    seen.progress = progress;
    seen.digest = 1 + static_cast<std::uint64_t>(status) * 1000 + progress.value_or(0);
    return seen;
  }
  template <typename Kind>
  static const Kind* find(const Actions& actions) {
    for (const Action& one : actions) {
      if (const auto* kind = std::get_if<Kind>(&one)) return kind;
    }
    return nullptr;
  }
  static const change::Task* change(const Actions& actions) {
    const auto* asked = find<action::Persist>(actions);
    return asked == nullptr ? nullptr : std::get_if<change::Task>(&asked->change);
  }

  milliseconds clock{0};
  std::deque<Call> calls;  ///< asked for, and not taken by the test yet
  std::string learned;     ///< what a schedule last wanted kept
  Watcher watcher;
};

}  // namespace mjwatchd
