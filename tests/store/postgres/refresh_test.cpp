// A task is asked for by the daemon that holds it, whichever was told to.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/store/postgres/peer.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store;
using namespace mjwatchd::store::test;

namespace {

struct Asked : Peer {
  using Peer::Peer;

  /// Whether it is to be done here, once that is known.
  void refresh(const std::string& id, bool pictures_missing = false) {
    state.store->refresh(key(id), pictures_missing, [this] { ++here; });
  }
  [[nodiscard]] std::vector<event::RefreshAsked> wishes() const { return heard<event::RefreshAsked>(); }

  int here = 0;
};

/// Couple in one list; the first holds what it registers, the second is new and holds nothing yet.
struct Couple {
  std::string url = Server::instance().new_list();
  Asked holder{url}, other{url};

  /// Until the holder was told of `count` wishes.
  void until_told(std::size_t count) {
    run_until({&holder, &other}, [&] { return holder.wishes().size() >= count; });
  }
};

}  // namespace

TEST_CASE("a live task's refresh goes to its holder, and is done by nobody else") {
  Couple two;
  REQUIRE(two.holder.state.commit(registration("t1")).code == Code::done);
  two.other.refresh("t1");
  two.until_told(1);
  CHECK(two.holder.wishes().at(0).key == key("t1"));
  REQUIRE(two.holder.wishes().at(0).record.has_value());
  CHECK(two.holder.wishes().at(0).record->phase == Phase::watching);
  CHECK(two.other.here == 0);
  CHECK(two.other.wishes().empty());
}

TEST_CASE("the holder's own refresh is done here") {
  Couple two;
  REQUIRE(two.holder.state.commit(registration("t1")).code == Code::done);
  two.holder.refresh("t1");
  two.holder.state.run_until([&] { return two.holder.here == 1; });
  CHECK(two.holder.wishes().empty());
}

TEST_CASE("an ended task's refresh carries what is needed to fetch its pictures, if they are missing") {
  Couple two;
  REQUIRE(two.holder.state.commit(registration("t1")).code == Code::done);
  REQUIRE(two.holder.state.commit(success("t1")).code == Code::done);
  two.other.refresh("t1", true);
  two.until_told(1);
  REQUIRE(two.holder.wishes().at(0).record.has_value());
  CHECK(two.holder.wishes().at(0).record->status == Status::success);
  two.other.refresh("t1", false);
  two.until_told(2);
  CHECK_FALSE(two.holder.wishes().at(1).record.has_value());
}

TEST_CASE("an ended task that nobody holds any more is refreshed by who is asked") {
  Couple two;
  REQUIRE(two.holder.state.commit(registration("t1")).code == Code::done);
  REQUIRE(two.holder.state.commit(success("t1")).code == Code::done);
  two.holder.state.close();
  two.other.refresh("t1", true);
  two.other.state.run_until([&] { return two.other.here == 1; });
}
