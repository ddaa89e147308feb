#include <doctest/doctest.h>

#include <algorithm>

#include "tests/store/state.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store::test;

namespace {

template <typename Kind>
std::vector<Kind> of_kind(const std::vector<Event>& all) {
  std::vector<Kind> found;
  for (const Event& event : all) {
    if (const auto* one = std::get_if<Kind>(&event)) found.push_back(*one);
  }
  return found;
}

change::Task saving(const std::string& id) {
  auto change = success(id);
  change.phase = Phase::saving;
  change.ending = Ending::none;
  change.events.clear();
  return change;
}

}  // namespace

TEST_CASE("an empty store is adopted with one empty page") {
  State state;
  CHECK(state.adopt().empty());
}

TEST_CASE("what is live is adopted in order: receivers, learned, tasks, deliveries") {
  State state;
  for (const char* id : {"watching", "saving", "late", "done", "forgotten"}) state.commit(registration(id));
  state.commit(running("watching", 40));
  state.commit(saving("saving"));
  state.commit(saving("late"));
  auto late = ended("late", Ending::succeeded, EventType::succeeded);
  late.phase = Phase::late;
  const auto pending = state.commit(late).deliveries.at(0);
  const auto delivered = state.commit(success("done")).deliveries.at(0);
  const auto orphan = state.commit(success("forgotten")).deliveries.at(0);
  state.commit(change::Forget{key("forgotten")});
  change::Delivery sent;
  sent.no = delivered.no;
  sent.state = DeliveryState::delivered;
  state.commit(sent);
  state.commit(change::Learned{"octopusx", "state"});
  state.commit(change::Receiver{"all", true, "410", kNoon});
  state.commit(change::Receiver{"ce", true, "410", kNoon});
  state.commit(change::Receiver{"ce", false, "", kNoon});
  state.reopen();

  const auto all = state.adopt();
  REQUIRE(all.size() == 7);
  CHECK(std::get<event::ReceiverAdopted>(all[0]).name == "all");
  CHECK(std::get<event::ReceiverAdopted>(all[0]).disabled);
  CHECK(std::get<event::LearnedAdopted>(all[1]).state == "state");
  const auto& first = std::get<event::Adopted>(all[2]).task;
  CHECK(first.key == key("watching"));
  CHECK(first.status == Status::in_progress);
  CHECK(first.progress == 40);
  CHECK(first.digest != 0);
  CHECK(std::get<event::Adopted>(all[3]).task.phase == Phase::saving);
  CHECK(std::get<event::Adopted>(all[3]).task.success_at == kNoon + 2min);
  CHECK(std::get<event::Adopted>(all[4]).task.phase == Phase::late);
  const auto& one = std::get<event::DeliveryAdopted>(all[5]).delivery;
  CHECK(one.no == pending.no);
  CHECK(one.task == pending.task);
  CHECK(one.sequence == pending.sequence);
  CHECK(one.type == EventType::succeeded);
  CHECK(one.receiver.name == "app");
  CHECK(one.receiver.group == "app");
  CHECK(one.due == pending.due);
  CHECK(std::get<event::DeliveryAdopted>(all[6]).delivery.no == orphan.no);
}

TEST_CASE("since when an endpoint fails is adopted, until it had a success or was enabled") {
  State state;
  CHECK(state.commit(change::Failing{"nobody", kNoon}).code == Code::missing);
  state.commit(registration("a"));
  state.commit(success("a"));
  CHECK(state.commit(change::Failing{"app", kNoon}).code == Code::done);
  state.reopen();
  auto receivers = of_kind<event::ReceiverAdopted>(state.adopt());
  REQUIRE(receivers.size() == 1);
  CHECK(receivers[0].name == "app");
  CHECK_FALSE(receivers[0].disabled);
  CHECK(receivers[0].failing_since == kNoon);
  SUBCASE("a success") { state.commit(change::Failing{"app", std::nullopt}); }
  SUBCASE("enabling") { state.commit(change::Receiver{"app", false, "", kNoon + 1h}); }
  CHECK(of_kind<event::ReceiverAdopted>(state.adopt()).empty());
}

TEST_CASE("held deliveries are adopted as held, before the pending ones") {
  State state;
  state.rules.default_list = {"app", "all"};
  state.store->reload(state.rules);
  state.commit(registration("a"));
  state.commit(success("a"));
  state.rules.endpoints.erase("all");
  state.store->reload(state.rules);
  state.commit(registration("b"));
  state.commit(success("b"));
  const auto deliveries = of_kind<event::DeliveryAdopted>(state.adopt());
  REQUIRE(deliveries.size() == 4);
  CHECK(deliveries[0].delivery.state == DeliveryState::held);
  CHECK(deliveries[0].delivery.receiver.name == "all");
  CHECK(deliveries[1].delivery.state == DeliveryState::pending);
}

TEST_CASE("thousands are adopted in bounded pages, each once") {
  State state;
  std::vector<Change> changes;
  for (int i = 0; i < 2500; ++i) changes.emplace_back(registration(std::to_string(i)));
  for (int i = 0; i < 1200; ++i) changes.emplace_back(success(std::to_string(i)));
  state.commit_all(std::move(changes));
  std::vector<std::size_t> pages, pages_of_tasks;
  std::vector<std::string> tasks;
  std::vector<DeliveryNo> deliveries;
  state.store->adopt([&](const std::vector<Event>& page) {
    pages.push_back(page.size());
    pages_of_tasks.push_back(of_kind<event::Adopted>(page).size());
    for (const auto& one : of_kind<event::Adopted>(page)) tasks.push_back(one.task.key.id);
    for (const auto& one : of_kind<event::DeliveryAdopted>(page)) deliveries.push_back(one.delivery.no);
  });
  state.run_until([&] { return !pages.empty() && pages.back() == 0; });
  CHECK(*std::max_element(pages_of_tasks.begin(), pages_of_tasks.end()) <= 1000);
  CHECK(*std::max_element(pages.begin(), pages.end()) <= 10'000);
  CHECK(std::count(pages.begin(), pages.end(), 0U) == 1);
  CHECK(tasks.size() == 1300);
  std::sort(tasks.begin(), tasks.end());
  CHECK(std::unique(tasks.begin(), tasks.end()) == tasks.end());
  CHECK(deliveries.size() == 1200);
  CHECK(std::is_sorted(deliveries.begin(), deliveries.end()));
}

TEST_CASE("what comes into being while pages are read is not adopted twice") {
  State state;
  std::vector<Change> changes;
  for (int i = 0; i < 1500; ++i) changes.emplace_back(registration(std::to_string(i)));
  state.commit_all(std::move(changes));
  std::size_t tasks = 0;
  bool finished = false;
  bool committed = false;
  state.store->adopt([&](const std::vector<Event>& page) {
    if (tasks == 0) state.store->commit(registration("new"), [&](const CommitResult&) { committed = true; });
    tasks += of_kind<event::Adopted>(page).size();
    finished = page.empty();
  });
  state.run_until([&] { return finished && committed; });
  CHECK(tasks == 1500);
}

TEST_CASE("lists of tasks: newest first, filtered, with a cursor") {
  State state;
  for (int i = 0; i < 5; ++i) state.commit(registration("t" + std::to_string(i)));
  auto other = registration("t9");
  other.registration.key.gateway = "other";
  state.commit(other);
  state.commit(success("t1"));
  state.commit(running("t2", 30));
  TaskQuery query;
  auto all = state.tasks(query);
  REQUIRE(all.size() == 6);
  CHECK(all[0].record.key.id == "t9");
  CHECK(all[5].record.key.id == "t0");
  query.limit = 2;
  query.after = all[1].no;
  const auto page = state.tasks(query);
  REQUIRE(page.size() == 2);
  CHECK(page[0].no == all[2].no);
  query = {};
  query.status = Status::in_progress;
  REQUIRE(state.tasks(query).size() == 1);
  CHECK(state.tasks(query)[0].record.key.id == "t2");
  query = {};
  query.active = true;
  CHECK(state.tasks(query).size() == 5);
  query.active = false;
  REQUIRE(state.tasks(query).size() == 1);
  CHECK(state.tasks(query)[0].ending == Ending::succeeded);
  query = {};
  query.gateway = "other";
  CHECK(state.tasks(query).size() == 1);
  query.id = "t0";
  CHECK(state.tasks(query).empty());
}

TEST_CASE("events are read on from a number, by task and by type") {
  State state;
  state.commit(registration("a"));
  state.commit(registration("b"));
  auto started = running("a", 1);
  started.events = {EventType::started};
  const auto first = state.commit(started).events.at(0);
  const auto second = state.commit(success("b")).events.at(0);
  const auto third = state.commit(success("a")).events.at(0);
  auto page = state.events();
  REQUIRE(page.events.size() == 3);
  CHECK_FALSE(page.gone);
  CHECK(page.events[0].no == first.no);
  CHECK(page.events[0].key == key("a"));
  CHECK(page.events[0].webhook_id == first.webhook_id);
  CHECK(page.events[0].at == first.at);
  CHECK(*page.events[2].body == *third.body);
  CHECK(page.events[2].sequence == 2);
  EventQuery query;
  query.after = first.no;
  CHECK(state.events(query).events.size() == 2);
  query.id = "a";
  query.gateway = "octopusx";
  REQUIRE(state.events(query).events.size() == 1);
  CHECK(state.events(query).events[0].no == third.no);
  query = {};
  query.types = mask_of(EventType::started);
  CHECK(state.events(query).events.size() == 1);
  query = {};
  query.limit = 1;
  query.after = first.no;
  REQUIRE(state.events(query).events.size() == 1);
  CHECK(state.events(query).events[0].no == second.no);
  query.after = third.no + 1000;
  CHECK(state.events(query).events.empty());
}

TEST_CASE("counts follow every change, and survive a restart") {
  State state;
  for (const char* id : {"a", "b", "c", "d"}) state.commit(registration(id));
  state.commit(saving("b"));
  state.commit(saving("c"));
  auto late = ended("c", Ending::succeeded, EventType::succeeded);
  late.phase = Phase::late;
  const auto delivery = state.commit(late).deliveries.at(0);
  state.commit(success("d"));
  change::Delivery dead;
  dead.no = delivery.no;
  dead.state = DeliveryState::dead;
  state.commit(dead);
  for (int round = 0; round < 2; ++round) {
    const auto counts = state.counts();
    CHECK(counts.watching == 1);
    CHECK(counts.saving == 1);
    CHECK(counts.late == 1);
    CHECK(counts.done == 1);
    CHECK(counts.pending == 1);
    CHECK(counts.dead == 1);
    CHECK(counts.held == 0);
    CHECK(counts.bytes > 4096);
    state.reopen();
  }
  state.commit(change::Forget{key("a")});
  CHECK(state.counts().watching == 0);
}
