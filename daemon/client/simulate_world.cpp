#include "daemon/client/simulate_world.hpp"

#include <algorithm>
#include <limits>
#include <queue>
#include <unordered_map>
#include <variant>

#include "mjwatchd/watcher.hpp"

namespace mjwatchd::client {
namespace {
using namespace std::chrono_literals;

constexpr const char* kGateway = "simulated";
/// Any: nothing depends on when the trace is said to have been.
constexpr WallTime kBeginning = WallTime(1'700'000'000'000ms);

Settings settings_of(const WatchTerms& terms) {
  Settings settings;
  GatewaySettings& gateway = settings.gateways[kGateway];
  gateway.batch = terms.call.batch;
  gateway.call_cost = terms.call_cost;
  gateway.max_calls_per_minute = terms.max_calls_per_minute.value_or(std::numeric_limits<std::uint32_t>::max());
  settings.webhooks.retry = {5s};
  return settings;
}

/// Everything around the watcher: the apps that register, the store, the gateway, and the clock.
class World {
 public:
  World(const Trace& trace, const WatchTerms& terms)
      : trace_(trace), latency_(terms.call.latency), watcher_(settings_of(terms), now()) {
    outcome_.tasks = trace.size();
    for (const TraceTask& task : trace) {
      by_id_.emplace(task.id, &task);
      if (const auto when = dropped(task)) drops_.push({*when, &task});
    }
  }

  Outcome run() {
    for (milliseconds next = upcoming(); next != milliseconds::max(); next = upcoming()) {
      clock_ = std::max(clock_, next);
      std::vector<Event> events;
      apps(events);
      replies(events);
      if (events.empty()) events.emplace_back(event::Tick{});
      tell(std::move(events));
    }
    outcome_.finish();
    return std::move(outcome_);
  }

 private:
  struct Drop {
    milliseconds when;
    const TraceTask* task;
    bool operator<(const Drop& other) const { return when > other.when; }
  };
  struct Answer {
    milliseconds when;
    event::BatchFetched reply;
  };

  [[nodiscard]] Now now() const { return {Time(clock_), kBeginning + clock_}; }

  [[nodiscard]] milliseconds upcoming() const {
    milliseconds next = milliseconds::max();
    if (coming_ < trace_.size()) next = trace_[coming_].submitted;
    if (!drops_.empty()) next = std::min(next, drops_.top().when);
    if (!answers_.empty()) next = std::min(next, answers_.front().when);
    const Time wakeup = watcher_.next_wakeup();
    return wakeup == kNever ? next : std::min(next, wakeup.time_since_epoch());
  }

  /// Registrations and deletions that are due.
  void apps(std::vector<Event>& events) {
    for (; !drops_.empty() && drops_.top().when <= clock_; drops_.pop()) {
      events.emplace_back(event::Deleted{0, {kGateway, drops_.top().task->id}});
    }
    for (; coming_ < trace_.size() && trace_[coming_].submitted <= clock_; ++coming_) {
      const TraceTask& task = trace_[coming_];
      Registration registration;
      registration.key = {kGateway, task.id};
      registration.action = task.action;
      registration.submitted_at = kBeginning + task.submitted;
      registration.save = SaveMode::none;
      events.emplace_back(event::Registered{0, std::move(registration)});
    }
  }

  /// Replies that are due. They come in the order of their calls, since all take equally long.
  void replies(std::vector<Event>& events) {
    for (; !answers_.empty() && answers_.front().when <= clock_; answers_.pop()) {
      for (const Snapshot& seen : answers_.front().reply.reply.tasks) {
        if (is_final(seen.status)) outcome_.delays.push_back(clock_ - *by_id_.at(seen.id)->ended());
      }
      events.emplace_back(std::move(answers_.front().reply));
    }
  }

  /// Tells the watcher, and carries out what it asks for until it asks for nothing more.
  void tell(std::vector<Event> events) {
    while (!events.empty()) {
      Actions actions;
      watcher_.handle(events, now(), actions);
      events.clear();
      for (Action& one : actions) {
        if (auto* persist = std::get_if<action::Persist>(&one)) events.emplace_back(committed(*persist));
        if (auto* fetch = std::get_if<action::FetchBatch>(&one)) call(fetch->call, fetch->ids);
        if (auto* fetch = std::get_if<action::FetchOne>(&one)) call(fetch->call, {fetch->key.id});
      }
    }
  }

  [[nodiscard]] event::Persisted committed(const action::Persist& persist) const {
    event::Persisted done;
    done.change = persist.no;
    done.result.code = CommitResult::Code::done;
    if (const auto* wish = std::get_if<change::Register>(&persist.change)) {
      TaskRecord& record = done.result.task.emplace();
      record.key = wish->registration.key;
      record.action = wish->registration.action;
      record.submitted_at = wish->registration.submitted_at;
      record.save = SaveMode::none;
      record.registered_at = record.changed_at = wish->at;
      record.expire_at = wish->at + 24h;
    }
    return done;
  }

  void call(CallNo no, const std::vector<std::string>& ids) {
    ++outcome_.calls;
    event::BatchFetched reply{no, {}};
    reply.reply.verdict = FetchReply::Verdict::answered;
    for (const std::string& id : ids) {
      const TraceTask& task = *by_id_.at(id);
      if (const TracePoint* point = task.seen_at(clock_ + latency_ / 2)) {
        reply.reply.tasks.push_back(snapshot(task, *point));
      }
    }
    answers_.push({clock_ + latency_, std::move(reply)});
  }

  static Snapshot snapshot(const TraceTask& task, const TracePoint& point) {
    Snapshot seen;
    seen.id = task.id;
    seen.status = point.status;
    seen.action = task.action;
    seen.progress = point.progress;
    seen.submitted = kBeginning + task.submitted;
    const auto started = task.started();
    if (started && *started <= task.submitted + point.at) seen.started = kBeginning + *started;
    if (is_final(point.status)) seen.finished = kBeginning + task.submitted + point.at;
    // Distinct for distinct answers, which is all that a digest is for; never 0.
    seen.digest = 1 + static_cast<std::uint64_t>(&point - task.timeline.data());
    return seen;
  }

  const Trace& trace_;
  milliseconds latency_;
  milliseconds clock_{0};
  Watcher watcher_;
  std::unordered_map<std::string, const TraceTask*> by_id_;
  std::size_t coming_ = 0;  ///< first of the trace that is not submitted yet
  std::priority_queue<Drop> drops_;
  std::queue<Answer> answers_;
  Outcome outcome_;
};

}  // namespace

Outcome watch_trace(const Trace& trace, const WatchTerms& terms) { return World(trace, terms).run(); }

}  // namespace mjwatchd::client
