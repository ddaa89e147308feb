// What the outbox's tests drive it with.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "mjwatchd/outbox.hpp"

namespace mjwatchd {
using namespace std::chrono_literals;

/// An outbox, its clock, and a disk that commits at once unless told otherwise.
struct Desk {
  WebhookSettings settings;
  ChangeNo next_change = 1;
  Now now{Time{1h}, WallTime{1'700'000'000s}};
  std::unique_ptr<Outbox> outbox;
  bool commits = true;
  CommitResult::Code code = CommitResult::Code::done;
  std::vector<std::pair<ChangeNo, Change>> uncommitted;
  std::vector<change::Delivery> recorded;
  std::vector<change::Receiver> receivers;
  std::vector<change::Failing> failing;
  std::vector<DeliveryNo> sends;
  std::vector<action::Warn> warnings;
  std::vector<DeliveryRecord> freed;  ///< by the next commit about a receiver

  Desk() {
    settings.retry = {5s, 30s, 5min, 30min};
    settings.endpoints = {{"app", {8, 0}}, {"other", {8, 0}}};
  }
  void open() { outbox = std::make_unique<Outbox>(settings, 7, next_change); }

  static DeliveryRecord delivery(DeliveryNo no, TaskNo task, EventType type = EventType::succeeded,
                                 const std::string& to = "app") {
    DeliveryRecord record;
    record.no = no;
    record.task = task;
    record.sequence = static_cast<std::uint32_t>(no);
    record.type = type;
    record.receiver = {to, to};
    return record;
  }
  void adopt(const DeliveryRecord& record) {
    Actions out;
    outbox->adopt(record, now, out);
    take(out);
  }
  void release(TaskNo task) {
    outbox->release(task, now);
    step();
  }
  void release_delivery(DeliveryNo no) {
    outbox->release_delivery(no, now);
    step();
  }
  void share(unsigned daemons) {
    outbox->share(daemons, now);
    step();
  }
  void receiver(const std::string& name, bool disabled) {
    Actions out;
    outbox->receiver(name, disabled, now, out);
    take(out);
  }
  void adopt_failing(const std::string& name, WallTime since) {
    Actions out;
    outbox->failing(name, since, now, out);
    take(out);
  }
  void reconfigure() {
    Actions out;
    outbox->reconfigure(settings, now, out);
    take(out);
  }
  void step() {
    Actions out;
    outbox->advance(now, out);
    take(out);
  }
  void pass(milliseconds time) {
    now.steady += time;
    now.wall += time;
    step();
  }
  void answer(DeliveryNo no, int status, SendFault fault = SendFault::none,
              std::optional<milliseconds> retry_after = std::nullopt) {
    SendResult result;
    result.http_status = status;
    result.fault = fault;
    result.retry_after = retry_after;
    Actions out;
    outbox->sent(no, result, now, out);
    take(out);
    step();
  }
  void take(Actions& out) {
    for (auto& action : out) {
      if (auto* send = std::get_if<action::Send>(&action)) sends.push_back(send->delivery);
      if (auto* warn = std::get_if<action::Warn>(&action)) warnings.push_back(*warn);
      if (auto* persist = std::get_if<action::Persist>(&action)) uncommitted.emplace_back(persist->no, persist->change);
    }
    out.clear();
    if (commits) commit();
  }
  void commit() {
    auto changes = std::move(uncommitted);
    uncommitted.clear();
    for (auto& [no, change] : changes) {
      if (auto* d = std::get_if<change::Delivery>(&change)) recorded.push_back(*d);
      if (auto* r = std::get_if<change::Receiver>(&change)) receivers.push_back(*r);
      if (auto* f = std::get_if<change::Failing>(&change)) failing.push_back(*f);
      CommitResult result;
      result.code = code;
      if (std::holds_alternative<change::Receiver>(change)) result.deliveries = std::move(freed);
      Actions out;
      CHECK(outbox->persisted(no, result, now, out));
      take(out);
    }
  }
  /// Lets time pass until something is sent, at most `limit`; answers how long it took.
  milliseconds until_sent(milliseconds limit) {
    const auto before = sends.size();
    const Time start = now.steady;
    step();
    while (sends.size() == before && outbox->next_wakeup() <= start + limit) {
      pass(std::max(outbox->next_wakeup() - now.steady, 0ms));
    }
    return now.steady - start;
  }
};

}  // namespace mjwatchd
