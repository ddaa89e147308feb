// A daemon in memory, for the control API to talk to.
#pragma once

#include <asio/io_context.hpp>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "daemon/control/desk.hpp"
#include "daemon/control/event_hub.hpp"
#include "daemon/webhooks/address_guard.hpp"

namespace mjwatchd::control::test {

/// "2026-11-23T13:08:00.123Z"
inline constexpr WallTime kNow{milliseconds(1795439280123)};

/// Loop thread only, but for what tests set before they begin. Every answer comes later, from the loop.
class FakeDesk final : public Desk {
 public:
  FakeDesk(asio::io_context& io, EventHub& hub) : io_(io), hub_(hub) {}

  void change(Change change, std::function<void(CommitResult)> done) override;
  void refresh(const TaskRecord& record, bool pictures_missing) override;
  void tasks(TaskQuery query, std::function<void(Listing<TaskView>)> done) override;
  void deliveries(DeliveryQuery query, std::function<void(Listing<DeliveryView>)> done) override;
  void events(EventQuery query, std::function<void(EventPage)> done) override;
  void status(std::function<void(StatusView)> done) override;
  void metrics(std::function<void(std::string)> done) override;
  [[nodiscard]] std::string closed() const override { return closed_reason; }
  [[nodiscard]] std::string away() const override { return away_reason; }
  [[nodiscard]] std::vector<GatewayStatus> gateways() const override;
  [[nodiscard]] bool has_gateway(std::string_view name) const override {
    return gateway_names.contains(std::string(name));
  }
  [[nodiscard]] std::string default_gateway() const override { return "octopusx"; }
  [[nodiscard]] bool has_endpoint(std::string_view name) const override {
    return endpoint_names.contains(std::string(name));
  }
  [[nodiscard]] std::vector<EndpointView> endpoints() const override;
  [[nodiscard]] std::optional<std::string> refuse_webhook_url(std::string_view url) const override;
  [[nodiscard]] std::string picture_folder() const override { return folder; }
  std::vector<std::string> fetched;  ///< paths that were asked for
  std::string fetched_file, fetch_error;
  void fetch_picture(const SavedImage& image, std::function<void(std::string, std::string)> done) override;
  std::vector<std::string> made_small;  ///< paths that were asked for
  std::string thumbnail_file, thumbnail_error;
  void thumbnail(const SavedImage& image, std::function<void(std::string, std::string)> done) override;
  page::History past;
  [[nodiscard]] const page::History& history() const override { return past; }
  [[nodiscard]] WallTime wall() const override { return kNow; }

  /// Ends a task as the watcher would: its row, its event, and everyone told.
  void end_task(const TaskKey& key, Ending ending, Status status);
  /// Records an event without telling of it.
  CommittedEvent record(const TaskKey& key, EventType type, std::string body = "");
  /// Records an event and tells of it.
  CommittedEvent announce(const TaskKey& key, EventType type, std::string body = "");
  /// Only says it, of one that was recorded.
  void publish(const CommittedEvent& event) { hub_.publish(std::span(&event, 1)); }
  TaskView& add(const TaskKey& key);
  TaskView& at(const TaskKey& key) { return stored_.at(key).view; }
  [[nodiscard]] bool has(const TaskKey& key) const { return stored_.contains(key); }
  [[nodiscard]] std::size_t count() const { return stored_.size(); }
  /// Lets go of the changes that were held back, in their order.
  void release();

  // What tests set.
  std::string closed_reason, away_reason, folder;
  bool unread = false;  ///< nothing can be read
  std::set<std::string> gateway_names{"octopusx", "second"};
  std::set<std::string> endpoint_names{"app", "crm"};
  std::optional<CommitResult> next_result;  ///< answers the next changes instead
  bool hold_changes = false, hang = false;  ///< answer changes at release(); never answer status()
  EventNo oldest_kept = 0;
  std::function<void()> while_reading_events;  ///< between a page's reading and its answer, once
  std::function<void()> while_reading_tasks;
  std::vector<Trouble> troubles;
  bool ready = true, stopping = false;
  std::optional<store::Sharing> sharing;
  std::vector<DeliveryView> delivery_rows;

  // What tests look at.
  std::vector<Change> changes;
  std::vector<std::pair<TaskKey, bool>> refreshed;
  std::vector<TaskQuery> task_queries;
  std::vector<DeliveryQuery> delivery_queries;
  std::size_t in_flight = 0, most_in_flight = 0, event_reads = 0;

 private:
  template <typename View>
  void answer(std::vector<View> found, std::function<void(Listing<View>)> done);
  struct Stored {
    Registration registration;
    TaskView view;
  };
  CommitResult apply(const change::Register& change);
  CommitResult apply(const change::Forget& change);
  CommitResult apply(const change::AddReceiver& change);
  CommitResult apply(const change::Replay& change);
  CommitResult apply(const change::Receiver& change);
  CommitResult apply(const change::Test& change);
  template <typename Other>
  CommitResult apply(const Other&) {
    return {};
  }

  asio::io_context& io_;
  EventHub& hub_;
  std::map<TaskKey, Stored> stored_;
  TaskNo next_task_ = 1;
  std::vector<CommittedEvent> events_;
  std::deque<std::function<void()>> held_;
  webhooks::AddressPolicy policy_{{"127.0.0.0/8"}, "webhooks.allow"};
};

}  // namespace mjwatchd::control::test
