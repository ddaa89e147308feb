#include "tests/control/fake_desk.hpp"

#include <algorithm>
#include <asio/post.hpp>

#include "daemon/store/store.hpp"
#include "daemon/webhooks/receiver.hpp"
#include "daemon/webhooks/url_rules.hpp"
#include "mjwatchd/names.hpp"

namespace mjwatchd::control::test {
namespace {

CommitResult result_of(CommitResult::Code code, std::string detail = "") {
  CommitResult result;
  result.code = code;
  result.detail = std::move(detail);
  return result;
}

}  // namespace

void FakeDesk::change(Change change, std::function<void(CommitResult)> done) {
  most_in_flight = std::max(most_in_flight, ++in_flight);
  changes.push_back(change);
  auto answer = [this, change = std::move(change), done = std::move(done)] {
    --in_flight;
    done(next_result ? *next_result : std::visit([this](const auto& kind) { return apply(kind); }, change));
  };
  if (hold_changes) {
    held_.push_back(std::move(answer));
  } else {
    asio::post(io_, std::move(answer));
  }
}

void FakeDesk::fetch_picture(const SavedImage& image, std::function<void(std::string, std::string)> done) {
  fetched.push_back(image.path);
  asio::post(io_, [file = fetched_file, error = fetch_error, done = std::move(done)] { done(file, error); });
}

void FakeDesk::thumbnail(const SavedImage& image, std::function<void(std::string, std::string)> done) {
  made_small.push_back(image.path);
  asio::post(io_, [file = thumbnail_file, error = thumbnail_error, done = std::move(done)] { done(file, error); });
}

void FakeDesk::release() {
  hold_changes = false;
  for (auto& answer : std::exchange(held_, {})) asio::post(io_, std::move(answer));
}

void FakeDesk::refresh(const TaskRecord& record, bool pictures_missing) {
  refreshed.emplace_back(record.key, pictures_missing);
}

CommitResult FakeDesk::apply(const change::Register& change) {
  const auto& wish = change.registration;
  if (const auto found = stored_.find(wish.key); found != stored_.end()) {
    const auto& before = found->second.registration.given;
    for (const auto& [key, value] : wish.given) {
      const auto same = before.find(key);
      if (same == before.end() || same->second != value)
        return result_of(CommitResult::Code::conflict, key + " differs");
    }
    auto result = result_of(CommitResult::Code::existing);
    result.task = found->second.view.record;
    return result;
  }
  auto& view = add(wish.key);
  stored_.at(wish.key).registration = wish;
  view.metadata = wish.metadata;
  view.record.action = wish.action;
  view.record.submitted_at = wish.submitted_at;
  view.record.registered_at = change.at;
  view.record.expire_at = change.at + wish.expire_after.value_or(std::chrono::hours(24));
  auto result = result_of(CommitResult::Code::done);
  result.task = view.record;
  return result;
}

CommitResult FakeDesk::apply(const change::Forget& change) {
  return result_of(stored_.erase(change.key) > 0 ? CommitResult::Code::done : CommitResult::Code::missing);
}

CommitResult FakeDesk::apply(const change::AddReceiver& change) {
  if (!stored_.contains(change.key)) return result_of(CommitResult::Code::missing);
  auto result = result_of(CommitResult::Code::done);
  if (stored_.at(change.key).view.ending == Ending::none) return result;
  DeliveryRecord delivery;
  delivery.no = 77;
  delivery.receiver = webhooks::receiver_of(change.target);
  result.deliveries.push_back(delivery);
  return result;
}

CommitResult FakeDesk::apply(const change::Replay& change) {
  auto result = result_of(CommitResult::Code::done);
  for (auto& row : delivery_rows) {
    const bool meant =
        change.no ? row.record.no == *change.no
                  : (change.state ? row.record.state == *change.state : row.record.state != DeliveryState::pending) &&
                        (change.endpoint.empty() || row.record.receiver.name == change.endpoint);
    if (!meant) continue;
    row.record.state = DeliveryState::pending;
    result.deliveries.push_back(row.record);
  }
  if (change.no && result.deliveries.empty()) return result_of(CommitResult::Code::missing);
  return result;
}

CommitResult FakeDesk::apply(const change::Receiver&) { return result_of(CommitResult::Code::done); }

CommitResult FakeDesk::apply(const change::Test&) {
  auto result = result_of(CommitResult::Code::done);
  result.events.push_back(announce({}, EventType::test));
  result.deliveries.emplace_back().no = 78;
  return result;
}

TaskView& FakeDesk::add(const TaskKey& key) {
  auto& view = stored_[key].view;
  view.no = next_task_++;
  view.record.key = key;
  view.record.registered_at = view.record.changed_at = kNow;
  view.record.expire_at = kNow + std::chrono::hours(24);
  return view;
}

void FakeDesk::end_task(const TaskKey& key, Ending ending, Status status) {
  auto& view = at(key);
  view.ending = ending;
  view.record.status = status;
  view.record.phase = Phase::done;
  view.ended_at = kNow;
  announce(key, event_of(ending));
}

CommittedEvent FakeDesk::record(const TaskKey& key, EventType type, std::string body) {
  CommittedEvent event;
  event.no = events_.empty() ? 1 : events_.back().no + 1;
  event.type = type;
  event.key = key;
  event.at = kNow;
  event.webhook_id = "evt_" + std::to_string(event.no);
  if (body.empty()) {
    body = R"({"type":")" + std::string(name(type)) + R"(","data":{"id":")" + key.id + R"("}})";
  }
  event.body = std::make_shared<const std::string>(std::move(body));
  events_.push_back(event);
  return event;
}

CommittedEvent FakeDesk::announce(const TaskKey& key, EventType type, std::string body) {
  const auto event = record(key, type, std::move(body));
  hub_.publish(std::span(&event, 1));
  return event;
}

template <typename View>
void FakeDesk::answer(std::vector<View> found, std::function<void(Listing<View>)> done) {
  Listing<View> listing(std::move(found));
  if (unread) listing = store::unread<Listing<View>>();
  asio::post(io_, [listing = std::move(listing), done = std::move(done)] { done(listing); });
}

void FakeDesk::tasks(TaskQuery query, std::function<void(Listing<TaskView>)> done) {
  task_queries.push_back(query);
  std::vector<TaskView> found;
  for (const auto& [key, one] : stored_) {
    const auto& record = one.view.record;
    if (!query.id.empty() && key.id != query.id) continue;
    if (!query.gateway.empty() && key.gateway != query.gateway) continue;
    if (query.status && record.status != *query.status) continue;
    if (query.active && *query.active == (record.phase == Phase::done)) continue;
    if (query.after != 0 && one.view.no >= query.after) continue;
    if (one.view.no <= query.above) continue;
    found.push_back(one.view);
  }
  std::sort(found.begin(), found.end(), [](const TaskView& a, const TaskView& b) { return a.no > b.no; });
  if (found.size() > query.limit) found.resize(query.limit);
  if (while_reading_tasks) std::exchange(while_reading_tasks, {})();
  answer(std::move(found), std::move(done));
}

void FakeDesk::deliveries(DeliveryQuery query, std::function<void(Listing<DeliveryView>)> done) {
  delivery_queries.push_back(query);
  std::vector<DeliveryView> found;
  for (const auto& row : delivery_rows) {
    if (query.no && row.record.no != *query.no) continue;
    if (query.state && row.record.state != *query.state) continue;
    if (!query.endpoint.empty() && row.record.receiver.name != query.endpoint) continue;
    if (!query.id.empty() && row.key.id != query.id) continue;
    if (query.after != 0 && row.record.no >= query.after) continue;
    found.push_back(row);
  }
  if (found.size() > query.limit) found.resize(query.limit);
  answer(std::move(found), std::move(done));
}

void FakeDesk::events(EventQuery query, std::function<void(EventPage)> done) {
  ++event_reads;
  EventPage page;
  page.gone = query.after > 0 && query.after < oldest_kept;
  for (const auto& event : events_) {
    if (page.gone || page.events.size() == query.limit) break;
    const bool meant = (query.id.empty() || query.id == event.key.id) &&
                       (query.gateway.empty() || query.gateway == event.key.gateway) &&
                       (mask_of(event.type) & query.types) != 0;
    if (meant && event.no > query.after) page.events.push_back(event);
  }
  if (while_reading_events) std::exchange(while_reading_events, {})();
  if (unread) page = store::unread<EventPage>();
  asio::post(io_, [page = std::move(page), done = std::move(done)] { done(page); });
}

void FakeDesk::status(std::function<void(StatusView)> done) {
  if (hang) return;
  StatusView view;
  view.started_at = kNow - std::chrono::seconds(90);
  view.now = kNow;
  view.ready = ready;
  view.stopping = stopping;
  view.counts.watching = stored_.size();
  view.troubles = troubles;
  view.sharing = sharing;
  asio::post(io_, [view = std::move(view), done = std::move(done)] { done(view); });
}

void FakeDesk::metrics(std::function<void(std::string)> done) {
  asio::post(io_, [done = std::move(done)] { done("# TYPE mjwatchd_ready gauge\nmjwatchd_ready 1\n"); });
}

std::vector<GatewayStatus> FakeDesk::gateways() const {
  std::vector<GatewayStatus> out;
  for (const auto& name : gateway_names) {
    GatewayStatus status;
    status.view.name = name;
    status.view.state = "up";
    status.view.calls = 4;
    status.view.ids_asked = 100;
    status.view.batch_fill = 0.5;
    status.view.clock_ahead = milliseconds(-1500);
    status.view.delay.count = 4;
    status.view.delay.sum_s = 3;
    status.view.delay.p50_s = 0.5;
    status.view.delay.p95_s = 1.25;
    status.url = "https://user:pass@" + name + ".example/x?key=secret";
    status.batch = 50;
    status.max_calls_per_minute = 120;
    out.push_back(std::move(status));
  }
  return out;
}

std::vector<EndpointView> FakeDesk::endpoints() const {
  std::vector<EndpointView> out;
  for (const auto& name : endpoint_names) {
    EndpointView view;
    view.name = name;
    view.url = "https://app.example/hook?token=secret";
    view.format = "standard";
    view.receiver.name = view.receiver.group = name;
    view.receiver.breaker = "closed";
    out.push_back(std::move(view));
  }
  EndpointView given;
  given.name = "url:0123456789abcdef0123456789abcdef";
  given.configured = false;
  given.receiver.disabled = true;
  out.push_back(std::move(given));
  return out;
}

std::optional<std::string> FakeDesk::refuse_webhook_url(std::string_view url) const {
  auto verdict = webhooks::check_url(std::string(url), policy_);
  if (verdict.good()) return std::nullopt;
  return verdict.error;
}

}  // namespace mjwatchd::control::test
