// What is found by its words, its end, its time.
#include <doctest/doctest.h>

#include "tests/store/state.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store::test;

namespace {

std::vector<std::string> found(State& state, const TaskQuery& query) {
  std::vector<std::string> ids;
  for (const auto& task : state.tasks(query)) ids.push_back(task.record.key.id);
  return ids;
}

std::vector<std::string> by_words(State& state, std::vector<std::string> words) {
  TaskQuery query;
  query.words = std::move(words);
  return found(state, query);
}

void add(State& state, const std::string& id, const std::string& prompt, const std::string& metadata = "{}") {
  auto change = registration(id);
  change.registration.metadata = metadata;
  state.commit(change);
  change::Task seen;
  seen.key = key(id);
  seen.snapshot = snapshot(id, Status::in_progress, 10, R"(,"prompt":")" + prompt + "\"");
  seen.phase = Phase::watching;
  seen.at = kNoon + 1min;
  state.commit(seen);
}

using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("words are found in the id, the prompt and the metadata, whatever their case") {
  State state;
  add(state, "fox-1", "an owl at night", R"({"order":42})");
  add(state, "t2", "A Red Fox, 100% fluffy_tail");
  add(state, "t3", "naïve ☂ \\\"quoted\\\" 你好");
  state.commit(registration("never-seen"));
  CHECK(by_words(state, {"fox"}) == Ids{"t2", "fox-1"});
  CHECK(by_words(state, {"fox", "red"}) == Ids{"t2"});
  CHECK(by_words(state, {"\"order\":42"}) == Ids{"fox-1"});
  CHECK(by_words(state, {"你好"}) == Ids{"t3"});
  CHECK(by_words(state, {"\"quoted\""}) == Ids{"t3"});
  CHECK(by_words(state, {"never"}) == Ids{"never-seen"});
  CHECK(by_words(state, {"in_progress"}).empty());  // the object's other fields are not looked through
}

TEST_CASE("signs that SQL knows are signs like any other") {
  State state;
  add(state, "t1", "100 percent");
  add(state, "t2", "100% fluffy_tail");
  CHECK(by_words(state, {"100%"}) == Ids{"t2"});
  CHECK(by_words(state, {"y_t"}) == Ids{"t2"});
  CHECK(by_words(state, {"0_p"}).empty());
  CHECK(by_words(state, {"' OR 1=1 --"}).empty());
  CHECK(by_words(state, {"\\"}).empty());
}

TEST_CASE("tasks are found by their end and their time") {
  State state;
  for (const char* id : {"a", "b", "c", "d"}) state.commit(registration(id));
  state.commit(ended("a", Ending::failed, EventType::failed, kNoon + 1min));
  state.commit(ended("b", Ending::lost, EventType::lost, kNoon + 1min));
  state.commit(ended("c", Ending::cancelled, EventType::cancelled, kNoon + 1min));
  TaskQuery query;
  query.endings = {Ending::failed, Ending::lost};
  CHECK(found(state, query) == Ids{"b", "a"});
  query = {};
  const auto at = state.task("d").record.registered_at;
  query.since = at;
  CHECK(found(state, query).size() == 4);
  query.since = at + milliseconds(1);
  CHECK(found(state, query).empty());
  query = {};
  query.until = at;
  CHECK(found(state, query).empty());
  query.until = at + milliseconds(1);
  CHECK(found(state, query).size() == 4);
}

TEST_CASE("only tasks with a saved picture have one") {
  State state;
  for (const char* id : {"a", "b"}) state.commit(registration(id));
  auto done = ended("a", Ending::succeeded, EventType::succeeded, kNoon + 3min);
  done.images.emplace();
  done.images->images.push_back({"/pictures/a.png", "https://cdn.example/a.png", "00ff", 1234, "image/png", 20, 10});
  state.commit(done);
  done = ended("b", Ending::succeeded, EventType::succeeded, kNoon + 3min);
  done.images.emplace();
  done.images->error = "gone";
  state.commit(done);
  TaskQuery query;
  query.pictures = true;
  CHECK(found(state, query) == Ids{"a"});
}

TEST_CASE("a search looks no further back than it is told") {
  State state;
  for (const char* id : {"a", "b", "c"}) state.commit(registration(id));
  TaskQuery query;
  query.above = state.task("a").no;
  CHECK(found(state, query) == Ids{"c", "b"});
}
