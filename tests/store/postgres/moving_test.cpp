// Tasks and deliveries on their way from one daemon to another.
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "daemon/store/postgres/holdings.hpp"
#include "tests/store/postgres/peer.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store;
using namespace mjwatchd::store::test;

namespace {

std::int64_t holder_of(const std::string& url, const std::string& task) {
  return Server::instance().look(url, "SELECT holder FROM tasks WHERE id = '" + task + "'");
}

std::set<DeliveryNo> adopted(const std::vector<Event>& events) {
  std::set<DeliveryNo> all;
  for (const Event& event : events) {
    if (const auto* one = std::get_if<event::DeliveryAdopted>(&event)) all.insert(one->delivery.no);
  }
  return all;
}

std::set<DeliveryNo> adopted(const Peer& peer) { return adopted(peer.told); }

State::AtHome in(const std::string& url) {
  return [&url](const std::filesystem::path& folder) { return make_postgres_home(folder, url); };
}

std::set<DeliveryNo> numbers(const std::vector<DeliveryRecord>& deliveries) {
  std::set<DeliveryNo> all;
  for (const DeliveryRecord& one : deliveries) all.insert(one.no);
  return all;
}

/// An end with a picture, announced to all that listen.
change::Task with_a_picture(const std::string& id, EventType type) {
  change::Task change = success(id);
  change.snapshot.reset();
  change.events = {type};
  change.images.emplace();
  change.images->images.push_back({"/pictures/a.png", "https://cdn.example/a.png", "00ff", 1234, "image/png", 20, 10});
  return change;
}

/// One with many tasks, and one that comes to share them with it.
struct Moving {
  explicit Moving(int tasks) {
    for (int i = 0; i < tasks; ++i) {
      auto task = registration("t" + std::to_string(i));
      task.registration.webhooks = {endpoint("all")};
      REQUIRE(first->state.commit(task).code == Code::done);
    }
  }
  /// Runs both until the first is told to let go of something.
  std::vector<event::Released> until_let_go() {
    second = std::make_unique<Peer>(url);
    welcome(url);
    run_until({first.get(), second.get()}, [&] { return !first->heard<event::Released>().empty(); });
    return first->heard<event::Released>();
  }

  std::string url = Server::instance().new_list();
  std::unique_ptr<Peer> first = std::make_unique<Peer>(url);
  std::unique_ptr<Peer> second;
};

}  // namespace

TEST_CASE("what was decided of a task before it is known to be let go is still written, and only then others have it") {
  Moving moving(20);
  // From inside the telling: as a core that had decided it in the very turn that tells.
  std::vector<std::pair<std::string, CommitResult>> written;
  moving.first->on_told = [&](const std::vector<Event>& page) {
    for (const Event& event : page) {
      const auto* gone = std::get_if<event::Released>(&event);
      if (gone == nullptr) continue;
      CHECK(holder_of(moving.url, gone->key.id) == moving.first->number());
      moving.first->state.store->commit(started(gone->key.id), [&written, id = gone->key.id](CommitResult result) {
        written.emplace_back(id, std::move(result));
      });
    }
  };
  const auto gone = moving.until_let_go();
  CHECK(gone.size() == 10);
  run_until({moving.first.get(), moving.second.get()},
            [&] { return written.size() == gone.size() && moving.second->heard<event::Adopted>().size() == 10; });
  for (const auto& [id, result] : written) CHECK_MESSAGE(result.code == Code::done, id);
  for (const auto& one : moving.second->heard<event::Adopted>()) {
    CHECK(one.task.progress == 30);
    CHECK(holder_of(moving.url, one.task.key.id) == moving.second->number());
  }
  // What this made is for who has them now.
  std::set<DeliveryNo> made;
  for (const auto& [id, result] : written) {
    CHECK(result.deliveries.empty());
    made.merge(numbers(result.elsewhere));
  }
  CHECK(made.size() >= 10);
  run_until({moving.first.get(), moving.second.get()}, [&] { return adopted(*moving.second) == made; });
}

TEST_CASE("what is deleted while it is being given up leaves its deliveries to others") {
  Moving moving(20);
  std::set<DeliveryNo> made;
  for (int i = 0; i < 20; ++i) {
    made.merge(numbers(moving.first->state.commit(started("t" + std::to_string(i))).deliveries));
  }
  REQUIRE(made.size() >= 20);
  moving.first->on_told = [&](const std::vector<Event>& page) {
    for (const Event& event : page) {
      const auto* gone = std::get_if<event::Released>(&event);
      if (gone != nullptr) moving.first->state.store->commit(change::Forget{gone->key}, [](const CommitResult&) {});
    }
  };
  const auto gone = moving.until_let_go();
  std::set<DeliveryNo> theirs;
  for (const auto& delivery : moving.first->state.deliveries()) {
    const bool let_go =
        std::any_of(gone.begin(), gone.end(), [&](const auto& one) { return one.task == delivery.record.task; });
    if (let_go) theirs.insert(delivery.record.no);
  }
  REQUIRE(theirs.size() >= 10);
  run_until({moving.first.get(), moving.second.get()}, [&] {
    auto known = adopted(*moving.second);
    known.merge(adopted(*moving.first));
    return std::includes(known.begin(), known.end(), theirs.begin(), theirs.end());
  });
}

TEST_CASE("what nobody holds is taken up whole, not only what was asked to be sent of it") {
  Moving moving(1);
  auto made = moving.first->state.commit(started("t0")).deliveries;
  for (const auto& one : moving.first->state.commit(success("t0")).deliveries) made.push_back(one);
  REQUIRE(made.size() >= 2);
  moving.first.reset();
  State second(usual_rules(), in(moving.url));  // which takes up nothing before it is asked to
  change::Replay again;
  again.no = made.front().no;
  again.at = kNoon + 1h;
  const auto result = second.commit(again);
  CHECK(result.code == Code::done);
  CHECK(result.deliveries.empty());
  CHECK(result.elsewhere.size() == 1);
  CHECK(adopted(second.adopt()) == numbers(made));
}

TEST_CASE("what was held on a daemon that is gone is taken over, but for what waits for a receiver to be enabled") {
  Moving moving(3);
  // Before anything is held, so that it hears of that from nobody. It is new, and takes nothing before the first is
  // gone.
  moving.second = std::make_unique<Peer>(moving.url);
  State& state = moving.first->state;
  auto disabled = registration("disabled");
  disabled.registration.webhooks = {endpoint("ce")};
  REQUIRE(state.commit(disabled).code == Code::done);
  std::set<DeliveryNo> held;
  const auto hold = [&](const change::Task& change) {
    for (const DeliveryRecord& one : state.commit(change).deliveries) {
      held.insert(one.no);
      deliver(state, one, DeliveryState::held);
    }
  };
  hold(started("t0"));  // goes on
  hold(success("t1"));  // has ended
  hold(success("t2"));  // is deleted
  REQUIRE(held.size() == 3);
  REQUIRE(state.commit(change::Forget{key("t2")}).code == Code::done);
  const auto waits = state.commit(success("disabled")).deliveries;
  REQUIRE(waits.size() == 1);
  REQUIRE(state.commit(change::Receiver{"ce", true, "for the test", kNoon}).code == Code::done);
  REQUIRE(state.delivery(waits.front().no).record.state == DeliveryState::held);

  moving.first.reset();
  run_until({moving.second.get()}, [&] { return adopted(*moving.second).size() >= 3; });
  CHECK(adopted(*moving.second) == held);
  for (const auto& one : moving.second->heard<event::DeliveryAdopted>()) {
    CHECK(one.delivery.state == DeliveryState::held);
  }
  // Its core knows of them now: when their endpoint is configured again it frees them, and they are its own to send.
  const auto freed = moving.second->state.commit(change::Receiver{"all", false, "in the configuration again", kNoon});
  CHECK(numbers(freed.deliveries) == held);
}

TEST_CASE("a picture that comes late to a task that nobody holds is told by who takes up all of it") {
  Moving moving(1);
  const auto made = moving.first->state.commit(success("t0")).deliveries;
  REQUIRE(!made.empty());
  moving.first.reset();
  State second(usual_rules(), in(moving.url));  // which takes up nothing before it is asked to
  const auto late = second.commit(with_a_picture("t0", EventType::images));
  REQUIRE(late.code == Code::done);
  CHECK(late.deliveries.empty());
  CHECK(!late.elsewhere.empty());
  auto all = numbers(made);
  all.merge(numbers(late.elsewhere));
  CHECK(adopted(second.adopt()) == all);
}

TEST_CASE("a webhook that was delivered before its task was deleted can be sent again") {
  Moving moving(1);
  State& state = moving.first->state;
  const auto made = state.commit(success("t0")).deliveries;
  REQUIRE(!made.empty());
  for (const auto& one : made) deliver(state, one);
  REQUIRE(state.commit(change::Forget{key("t0")}).code == Code::done);
  change::Replay again;
  again.no = made.front().no;
  again.at = kNoon + 1h;
  const auto result = state.commit(again);
  REQUIRE(result.deliveries.size() == 1);
  CHECK(state.outgoing(result.deliveries.front().no)->ours);
  deliver(state, result.deliveries.front());
  CHECK(state.delivery(made.front().no).record.state == DeliveryState::delivered);
}

TEST_CASE("what was called while a daemon could not hear it is found when it can again") {
  const std::string url = Server::instance().new_list();
  static_cast<void>(Server::instance().look(url, "CREATE ROLE hard_of_hearing SUPERUSER LOGIN"));
  std::string own = url;
  own.replace(own.find("postgres@"), 9, "hard_of_hearing@");
  Peer first(own), second(url);
  for (const std::string id : {"deleted", "replayed"}) REQUIRE(first.state.commit(registration(id)).code == Code::done);
  const auto sent = first.state.commit(success("replayed")).deliveries;
  REQUIRE(!sent.empty());
  for (const auto& one : sent) deliver(first.state, one);

  const std::string theirs = "pg_stat_activity WHERE usename = 'hard_of_hearing'";
  static_cast<void>(Server::instance().look(url, "ALTER ROLE hard_of_hearing NOLOGIN"));
  static_cast<void>(Server::instance().look(url, "SELECT count(pg_terminate_backend(pid)) FROM " + theirs));
  while (Server::instance().look(url, "SELECT count(*) FROM " + theirs) != 0) {
  }
  REQUIRE(second.state.commit(change::Forget{key("deleted")}).code == Code::done);
  REQUIRE(second.state.commit(change::Receiver{"ce", true, "for the test", kNoon}).code == Code::done);
  change::Replay again;
  again.no = sent.front().no;
  again.at = kNoon + 1h;
  REQUIRE(second.state.commit(again).code == Code::done);
  static_cast<void>(Server::instance().look(url, "ALTER ROLE hard_of_hearing LOGIN"));

  run_until({&first, &second}, [&] {
    const auto receivers = first.heard<event::ReceiverAdopted>();
    return std::any_of(receivers.begin(), receivers.end(),
                       [](const auto& one) { return one.name == "ce" && one.disabled; }) &&
           !first.heard<event::Released>().empty() && adopted(first).contains(sent.front().no);
  });
  CHECK(first.heard<event::Released>().front().key == key("deleted"));
  CHECK(first.heard<event::Released>().front().task == 0);
}

TEST_CASE("a name that is another task's by now is not forgotten with the one before") {
  postgres::Holdings held;
  held.hold(1, key("a"), true);
  held.hold(2, key("b"), true);
  held.hold(3, key("a"), true);
  CHECK_FALSE(held.deleted(1).has_value());
  CHECK(held.deleted(2) == key("b"));
  CHECK_FALSE(held.deleted(2).has_value());
  CHECK(held.live() == 1);
  CHECK(held.release_all().size() == 3);  // of two of them, deliveries may be queued
}

TEST_CASE("a webhook of a task that ends silently in the same moment is sent here") {
  Moving moving(1);
  auto end = success("t0");
  end.events.clear();
  const auto results = moving.first->state.commit_all({started("t0"), end});
  CHECK(results.at(0).deliveries.size() == 1);
  CHECK(results.at(0).elsewhere.empty());
}

TEST_CASE("what was let go of while its commit was answered is neither watched nor sent here") {
  postgres::Holdings held;
  held.hold(1, key("a"), true);
  held.hold_delivery(7);
  CommitResult result;
  result.code = Code::done;
  result.task.emplace();
  result.task->key = key("gone");
  for (const auto& [no, task] : std::vector<std::pair<DeliveryNo, TaskNo>>{{5, 1}, {6, 2}, {7, 0}}) {
    result.deliveries.emplace_back();
    result.deliveries.back().no = no;
    result.deliveries.back().task = task;
  }
  held.keep_own(true, result);
  CHECK(result.code == Code::existing);
  CHECK(numbers(result.deliveries) == std::set<DeliveryNo>{5, 7});
  CHECK(numbers(result.elsewhere) == std::set<DeliveryNo>{6});
}

TEST_CASE("what has nothing to be sent any more is forgotten, unless something came since that was seen") {
  postgres::Holdings held;
  held.hold(1, key("a"), false);
  held.hold_delivery(7);
  const auto seen = postgres::Clock::now();
  held.hold_again(1, key("a"), false);
  held.settled({1}, seen);
  held.settled_deliveries({7}, seen);
  CHECK(held.holds(1));
  CHECK(held.deliveries().empty());
  static_cast<void>(held.give_up({1}));
  held.hold_again(1, key("a"), true);
  CHECK_FALSE(held.holds(1));
  held.gave_up();
  held.hold_again(1, key("a"), true);
  CHECK(held.holds(1));
}
