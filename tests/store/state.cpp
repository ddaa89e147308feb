#include "tests/store/state.hpp"

#include <doctest/doctest.h>
#include <spdlog/spdlog.h>

namespace mjwatchd::store::test {

State::State(StoreRules with) : State(std::move(with), make_home) {}

State::State(StoreRules with, const AtHome& at_home) : home(at_home(folder.path)), rules(std::move(with)) {
  spdlog::set_level(spdlog::level::off);  // what is wrong on purpose is no news
  open();
}
State::~State() { close(); }

void State::open() { store = home->open(io, rules, webhooks::SecretBox(box_key)); }

void State::run_until(const std::function<bool()>& stop) {
  const auto end = std::chrono::steady_clock::now() + 60s;
  while (!stop()) {
    io.restart();
    REQUIRE(std::chrono::steady_clock::now() < end);
    io.run_one_for(1s);
  }
}

CommitResult State::commit(Change change) {
  return wait_for<CommitResult>([&](auto done) { store->commit(std::move(change), std::move(done)); });
}

std::vector<CommitResult> State::commit_all(std::vector<Change> changes) {
  std::vector<CommitResult> results;
  const std::size_t all = changes.size();
  for (Change& change : changes) {
    store->commit(std::move(change), [&results](CommitResult result) { results.push_back(std::move(result)); });
  }
  run_until([&] { return results.size() == all; });
  return results;
}

Listing<TaskView> State::tasks(TaskQuery query) {
  return wait_for<Listing<TaskView>>([&](auto done) { store->tasks(std::move(query), std::move(done)); });
}

TaskView State::task(const std::string& id) {
  TaskQuery query;
  query.id = id;
  auto found = tasks(query);
  REQUIRE(found.size() == 1);
  return std::move(found.front());
}

Listing<DeliveryView> State::deliveries(DeliveryQuery query) {
  return wait_for<Listing<DeliveryView>>([&](auto done) { store->deliveries(std::move(query), std::move(done)); });
}

DeliveryView State::delivery(DeliveryNo no) {
  DeliveryQuery query;
  query.no = no;
  auto found = deliveries(query);
  REQUIRE(found.size() == 1);
  return std::move(found.front());
}

EventPage State::events(EventQuery query) {
  return wait_for<EventPage>([&](auto done) { store->events(std::move(query), std::move(done)); });
}

std::optional<Outgoing> State::outgoing(DeliveryNo no) {
  return wait_for<std::optional<Outgoing>>([&](auto done) { store->outgoing(no, std::move(done)); });
}

StoreCounts State::counts() {
  return wait_for<StoreCounts>([&](auto done) { store->counts(std::move(done)); });
}

std::size_t State::prune(WallTime before) {
  return wait_for<std::size_t>([&](auto done) { store->prune(before, std::move(done)); });
}

void State::reopen() {
  close();
  open();
  taken_up_ = take_up();
}

std::vector<Event> State::adopt() {
  if (auto all = std::exchange(taken_up_, std::nullopt)) return std::move(*all);
  return take_up();
}

std::vector<Event> State::take_up() {
  // A shared store goes on telling after the empty page.
  const auto all = std::make_shared<std::vector<Event>>();
  const auto finished = std::make_shared<bool>(false);
  store->adopt([all, finished](std::vector<Event> page) {
    if (page.empty()) *finished = true;
    for (Event& event : page) {
      if (!std::holds_alternative<event::Shared>(event)) all->push_back(std::move(event));
    }
  });
  run_until([&] { return *finished; });
  return *all;
}

std::int64_t State::look(const std::string& sql) { return home->look(sql); }

void deliver(State& state, const DeliveryRecord& delivery, DeliveryState to) {
  change::Delivery change;
  change.no = delivery.no;
  change.state = to;
  change.attempts = 1;
  change.result = SendResult{};
  change.result->http_status = 200;
  REQUIRE(state.commit(change).code == Code::done);
}

DeliveryRecord finished(State& state, const std::string& id, WallTime at) {
  state.commit(registration(id));
  const auto result = state.commit(success(id, at));
  REQUIRE(result.deliveries.size() == 1);
  return result.deliveries[0];
}

}  // namespace mjwatchd::store::test
