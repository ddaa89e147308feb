// What daemons that share a list hear of each other.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "tests/store/postgres/peer.hpp"
#include "tests/store/postgres/relay.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store;
using namespace mjwatchd::store::test;

namespace {

/// The first holds what it registers; the other is new, and holds nothing.
struct Two {
  /// Until the first was told `that` of one of this kind.
  template <typename Kind, typename That>
  void until_told(That that) {
    run_until({&first, &other}, [&] {
      const auto told = first.heard<Kind>();
      return std::any_of(told.begin(), told.end(), that);
    });
  }
  void until_adopted(DeliveryNo no) {
    until_told<event::DeliveryAdopted>([no](const auto& one) {
      return one.delivery.no == no && one.delivery.state == DeliveryState::pending && one.delivery.attempts == 0;
    });
  }
  /// A task of the first's with its one webhook, delivered.
  DeliveryNo delivered(const std::string& id) {
    REQUIRE(first.state.commit(registration(id)).code == Code::done);
    const auto webhook = first.state.commit(success(id)).deliveries.at(0);
    deliver(first.state, webhook);
    return webhook.no;
  }

  std::string url = Server::instance().new_list();
  Relay relay{url};
  Peer first{relay.url()}, other{url};
};

change::Replay again(DeliveryNo no) {
  change::Replay change;
  change.no = no;
  change.at = kNoon + 1h;
  return change;
}

}  // namespace

TEST_CASE("what one daemon commits the others hear in order and once, what came while they were cut off too") {
  Two two;
  std::vector<CommittedEvent> heard;
  StoreRules rules = usual_rules();
  rules.heard = [&heard](const std::vector<CommittedEvent>& events) {
    std::copy(events.begin(), events.end(), std::back_inserter(heard));
  };
  two.first.state.store->reload(rules);
  constexpr std::size_t kMany = 1'100;  // more than are read at once
  const auto commit = [&](std::size_t from, std::size_t to) {
    std::vector<Change> changes;
    for (std::size_t i = from; i < to; ++i) {
      changes.emplace_back(registration("t" + std::to_string(i)));
      changes.emplace_back(success("t" + std::to_string(i)));
    }
    two.other.state.commit_all(std::move(changes));
  };
  commit(0, 3);
  run_until({&two.first, &two.other}, [&] { return heard.size() == 3; });
  two.relay.refuse_until(std::chrono::steady_clock::now() + 1s);
  commit(3, kMany);
  run_until({&two.first, &two.other}, [&] { return heard.size() >= kMany; });
  const auto written = two.other.state.look("SELECT count(*) FROM events");
  REQUIRE(heard.size() == kMany);
  CHECK(written == static_cast<std::int64_t>(kMany));
  for (std::size_t i = 0; i < kMany; ++i) {
    CHECK(heard[i].no == static_cast<EventNo>(i + 1));
    CHECK(heard[i].key == key("t" + std::to_string(i)));
    CHECK(heard[i].type == EventType::succeeded);
    CHECK(heard[i].body->find("t" + std::to_string(i)) != std::string::npos);
  }
}

TEST_CASE("a task that is deleted at another daemon is let go of by the one that holds it") {
  Two two;
  REQUIRE(two.first.state.commit(registration("t1")).code == Code::done);
  REQUIRE(two.other.state.commit(change::Forget{key("t1")}).code == Code::done);
  two.until_told<event::Released>([](const auto& one) { return one.key == key("t1"); });
  CHECK(two.first.state.commit(running("t1", 50)).code == Code::missing);
  CHECK(two.other.heard<event::Released>().empty());
}

TEST_CASE("a webhook that is sent again at another daemon is sent by the one that holds its task") {
  Two two;
  const DeliveryNo no = two.delivered("t1");
  const auto asked = two.other.state.commit(again(no));
  REQUIRE(asked.code == Code::done);
  CHECK(asked.deliveries.empty());
  CHECK(asked.elsewhere.size() == 1);
  two.until_adopted(no);
  CHECK(two.first.state.outgoing(no)->ours);
  CHECK_FALSE(two.other.state.outgoing(no)->ours);
}

TEST_CASE("a webhook of no task is sent again by the daemon that sent it") {
  Two two;
  const auto test = two.first.state.commit(change::Test{"app", kNoon}).deliveries.at(0);
  deliver(two.first.state, test);
  const auto asked = two.other.state.commit(again(test.no));
  CHECK(asked.elsewhere.size() == 1);
  two.until_adopted(test.no);
  CHECK(two.first.state.outgoing(test.no)->ours);
  CHECK_FALSE(two.other.state.outgoing(test.no)->ours);
}

TEST_CASE("hundreds of webhooks that are sent again at another daemon come to the one that holds them") {
  Two two;
  std::vector<Change> changes;
  for (int i = 0; i < 450; ++i) {  // more than one note can name
    changes.emplace_back(registration("t" + std::to_string(i)));
    changes.emplace_back(success("t" + std::to_string(i)));
  }
  std::set<DeliveryNo> sent;
  for (const CommitResult& one : two.first.state.commit_all(std::move(changes))) {
    for (const DeliveryRecord& record : one.deliveries) sent.insert(record.no);
  }
  two.first.state.look("UPDATE deliveries SET state = 1");
  change::Replay all;
  all.endpoint = "app";
  all.at = kNoon + 1h;
  CHECK(two.other.state.commit(all).elsewhere.size() == sent.size());
  run_until({&two.first, &two.other}, [&] {
    std::set<DeliveryNo> told;
    for (const auto& one : two.first.heard<event::DeliveryAdopted>()) told.insert(one.delivery.no);
    return told == sent;
  });
}

TEST_CASE("a receiver that is disabled or enabled at another daemon is so everywhere") {
  Two two;
  REQUIRE(two.delivered("t1") != 0);
  REQUIRE(two.other.state.commit(change::Receiver{"app", true, "by hand", kNoon}).code == Code::done);
  two.until_told<event::ReceiverAdopted>([](const auto& one) { return one.name == "app" && one.disabled; });
  const auto held = two.first.state.commit_all({registration("t2"), success("t2")}).at(1).deliveries.at(0);
  CHECK(held.state == DeliveryState::held);
  const auto freed = two.other.state.commit(change::Receiver{"app", false, "", kNoon + 1min});
  CHECK(freed.elsewhere.size() == 1);
  two.until_told<event::ReceiverAdopted>([](const auto& one) { return one.name == "app" && !one.disabled; });
  two.until_adopted(held.no);
}

TEST_CASE("one more receiver of an ended task, given at another daemon, is told by the one that holds it") {
  Two two;
  REQUIRE(two.delivered("t1") != 0);
  const auto given = two.other.state.commit(change::AddReceiver{key("t1"), endpoint("all"), kNoon + 1h});
  REQUIRE(given.code == Code::done);
  REQUIRE(given.elsewhere.size() == 1);
  two.until_adopted(given.elsewhere.front().no);
}

TEST_CASE("a webhook that is not there is nobody's") {
  Two two;
  CHECK_FALSE(two.first.state.outgoing(12'345).has_value());
  CHECK(two.first.state.commit(again(12'345)).code == Code::missing);
}
