#include <doctest/doctest.h>

#include <map>

#include "tests/store/state.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store;
using namespace mjwatchd::store::test;

namespace {

change::Register big(const std::string& id) {
  auto change = registration(id);
  change.registration.metadata = "\"" + std::string(16'000, 'x') + "\"";
  return change;
}

}  // namespace

TEST_CASE("at its size the store lets the oldest finished tasks go, and takes new ones") {
  StoreRules rules = usual_rules();
  rules.max_size = 4U << 20U;
  rules.default_list = {};
  State state(rules);
  for (int i = 0; i < 600; i += 20) {
    std::vector<Change> changes;
    for (int j = i; j < i + 20; ++j) {
      changes.emplace_back(big(std::to_string(j)));
      changes.emplace_back(success(std::to_string(j), kNoon + j * 1s));
    }
    for (const auto& result : state.commit_all(std::move(changes))) REQUIRE(result.code == Code::done);
  }
  state.run_until([&] { return state.counts().bytes < rules.max_size; });
  CHECK(state.counts().done < 400);
  CHECK(state.counts().done > 50);
  CHECK(state.task("599").ending == Ending::succeeded);
  TaskQuery oldest;
  oldest.id = "0";
  CHECK(state.tasks(oldest).empty());
}

TEST_CASE("what was saved of tasks that go at the store's size is told once, and nothing of those that stay") {
  std::map<std::string, int> told;
  StoreRules rules = usual_rules();
  rules.max_size = 2U << 20U;
  rules.default_list = {};
  rules.relieved = [&](const std::vector<SavedImage>& saved) {
    for (const SavedImage& image : saved) ++told[image.path];
  };
  State state(rules);
  for (int i = 0; i < 200; ++i) {
    auto ended = success(std::to_string(i), kNoon + i * 1s);
    ended.images = ImageResult{};
    ended.images->images.resize(1);
    ended.images->images[0].path = "/pictures/" + std::to_string(i);
    for (const auto& result : state.commit_all({big(std::to_string(i)), ended})) REQUIRE(result.code == Code::done);
  }
  state.run_until([&] { return state.counts().bytes < rules.max_size && told.size() + state.counts().done == 200; });
  CHECK(told.size() > 50);
  CHECK(told.contains("/pictures/0"));
  CHECK_FALSE(told.contains("/pictures/199"));
  for (const auto& [path, times] : told) CHECK(times == 1);
}

TEST_CASE("when all is live registrations answer full, until something ends") {
  StoreRules rules = usual_rules();
  rules.max_size = 2U << 20U;
  State state(rules);
  int taken = 0;
  for (; taken < 500; ++taken) {
    const auto result = state.commit(big(std::to_string(taken)));
    if (result.code == Code::full) {
      CHECK(result.detail.find("watch.store_max_size") != std::string::npos);
      break;
    }
    REQUIRE(result.code == Code::done);
  }
  CHECK(taken > 50);
  CHECK(taken < 200);
  CHECK(state.counts().watching == static_cast<std::uint64_t>(taken));
  // What is there already is still answered, and what is live goes on.
  CHECK(state.commit(big("0")).code == Code::existing);
  CHECK(state.commit(running("0", 50)).code == Code::done);
  for (int i = 0; i < 3; ++i) deliver(state, state.commit(success(std::to_string(i))).deliveries.at(0));
  state.run_until([&] { return state.counts().done == 0; });
  CHECK(state.commit(big("again")).code == Code::done);
}

TEST_CASE("events of forgotten tasks go early too when room is needed") {
  StoreRules rules = usual_rules();
  rules.max_size = 3U << 20U;
  rules.default_list = {};
  State state(rules);
  for (int i = 0; i < 400; i += 20) {
    std::vector<Change> changes;
    for (int j = i; j < i + 20; ++j) {
      changes.emplace_back(big(std::to_string(j)));
      changes.emplace_back(success(std::to_string(j)));
      changes.emplace_back(change::Forget{key(std::to_string(j))});
    }
    state.commit_all(std::move(changes));
  }
  state.run_until([&] { return state.counts().bytes < rules.max_size; });
  const auto left = state.look("SELECT count(*) FROM events");
  CHECK(left < 250);
  CHECK(left > 20);
}
