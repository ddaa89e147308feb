#include <doctest/doctest.h>

#include "tests/store/state.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store;
using namespace mjwatchd::store::test;

TEST_CASE("20,000 registrations are committed in groups and answered in their order") {
  State state;
  constexpr int kAll = 20'000;
  int answered = 0;
  bool in_order = true;
  for (int i = 0; i < kAll; ++i) {
    auto change = registration(std::to_string(i));
    change.registration.webhooks = std::vector<WebhookTarget>{endpoint("app"), url("https://x.example/hook")};
    state.store->commit(std::move(change), [&, i](const CommitResult& result) {
      in_order = in_order && answered == i && result.code == Code::done && result.task->key.id == std::to_string(i);
      ++answered;
    });
  }
  CHECK(state.store->full());
  state.run_until([&] { return answered == kAll; });
  CHECK(in_order);
  CHECK(state.counts().watching == kAll);
  CHECK(state.store->waiting() == 0);
}

TEST_CASE("what a callback has told of is seen by every question after it") {
  State state;
  int seen = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string id = std::to_string(i);
    state.store->commit(registration(id), [&state, &seen, id](const CommitResult&) {
      TaskQuery query;
      query.id = id;
      state.store->tasks(query, [&seen](const std::vector<TaskView>& found) { seen += found.size() == 1 ? 1 : 1000; });
    });
  }
  state.run_until([&] { return seen >= 200; });
  CHECK(seen == 200);
}

TEST_CASE("closing commits what was asked for, and answers nobody any more") {
  State state;
  int answers = 0;
  for (int i = 0; i < 500; ++i) {
    state.store->commit(registration(std::to_string(i)), [&](const CommitResult&) { ++answers; });
  }
  state.store->tasks({}, [&](const std::vector<TaskView>&) { ++answers; });
  state.store->close();
  state.store->commit(registration("late"), [&](const CommitResult&) { ++answers; });
  state.store->counts([&](const StoreCounts&) { ++answers; });
  state.io.restart();
  state.io.run();
  CHECK(answers == 0);
  state.reopen();
  CHECK(state.counts().watching == 500);
}

TEST_CASE("the store may be closed from one of its answers") {
  State state;
  int answers = 0;
  for (int i = 0; i < 10; ++i) {
    state.store->commit(registration(std::to_string(i)), [&](const CommitResult&) {
      ++answers;
      state.store.reset();
    });
  }
  state.run_until([&] { return answers > 0; });
  state.io.restart();
  state.io.run();
  CHECK(answers == 1);
  state.open();
  CHECK(state.counts().watching == 10);
}

TEST_CASE("while the store works the loop has something to wait for") {
  State state;
  bool answered = false;
  state.store->commit(registration("a"), [&](const CommitResult&) { answered = true; });
  state.io.restart();
  state.io.run();  // comes back when there is nothing left to wait for
  CHECK(answered);
  state.store->counts([&](const StoreCounts&) { answered = false; });
  state.io.restart();
  state.io.run();
  CHECK_FALSE(answered);
}

TEST_CASE("long lists hold up neither commits nor what a sender needs") {
  State state;
  std::vector<Change> changes;
  for (int i = 0; i < 1000; ++i) {
    auto change = registration(std::to_string(i));
    change.registration.metadata = "\"" + std::string(12'000, 'x') + "\"";
    changes.emplace_back(std::move(change));
  }
  state.commit_all(std::move(changes));
  int lists = 0;
  int when_committed = -1;
  int when_sent = -1;
  constexpr int kLists = 60;
  for (int i = 0; i < kLists; ++i) {
    TaskQuery query;
    query.limit = 1000;
    state.store->tasks(query, [&](const std::vector<TaskView>& found) { lists += found.size() == 1000 ? 1 : 1000; });
  }
  state.store->commit(success("7"), [&](const CommitResult& result) {
    when_committed = lists;
    state.store->outgoing(result.deliveries.at(0).no, [&](const std::optional<Outgoing>& outgoing) {
      CHECK(outgoing);
      when_sent = lists;
    });
  });
  state.run_until([&] { return lists >= kLists && when_sent >= 0; });
  CHECK(lists == kLists);
  CHECK(when_committed < kLists);
  CHECK(when_sent < kLists);
}
