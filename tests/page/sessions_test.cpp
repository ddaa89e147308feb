// Who is let in to the page.
#include "daemon/page/sessions.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace mjwatchd;
using namespace mjwatchd::page;
using namespace std::chrono_literals;

namespace {

constexpr WallTime kNow{milliseconds(1795439280123)};

}  // namespace

TEST_CASE("a link opens once") {
  Sessions sessions("token");
  const auto link = sessions.make_link(kNow);
  CHECK(sessions.use_link(link, kNow + 4min));
  CHECK_FALSE(sessions.use_link(link, kNow + 4min));
}

TEST_CASE("a link is void after five minutes") {
  Sessions sessions("token");
  const auto link = sessions.make_link(kNow);
  CHECK_FALSE(sessions.use_link(link, kNow + 5min));
  CHECK_FALSE(sessions.use_link(link, kNow));
}

TEST_CASE("nothing but a link opens as one") {
  Sessions sessions("token");
  const auto link = sessions.make_link(kNow);
  for (const std::string& other : {std::string(), std::string("token"), link.substr(1), link + "0"}) {
    CHECK_FALSE(sessions.use_link(other, kNow));
  }
  CHECK(sessions.use_link(link, kNow));
}

TEST_CASE("sixteen links may wait, then the oldest is void") {
  Sessions sessions("token");
  const auto first = sessions.make_link(kNow);
  const auto second = sessions.make_link(kNow);
  for (int i = 0; i < 15; ++i) static_cast<void>(sessions.make_link(kNow));
  CHECK_FALSE(sessions.use_link(first, kNow));
  CHECK(sessions.use_link(second, kNow));
}

TEST_CASE("a session is good for seven days, and after a restart") {
  const auto session = Sessions("token").open(kNow);
  const Sessions later("token");
  CHECK(later.good(session, kNow));
  CHECK(later.good(session, kNow + 7 * 24h - 1s));
  CHECK_FALSE(later.good(session, kNow + 7 * 24h));
}

TEST_CASE("another token ends every session") {
  const auto session = Sessions("token").open(kNow);
  CHECK_FALSE(Sessions("other").good(session, kNow));
}

TEST_CASE("a session that was changed is none") {
  const Sessions sessions("token");
  const auto session = sessions.open(kNow);
  for (std::size_t i = 0; i < session.size(); ++i) {
    auto changed = session;
    changed[i] = changed[i] == '1' ? '2' : '1';
    CHECK_FALSE_MESSAGE(sessions.good(changed, kNow), i);
  }
  for (const std::string& other : {std::string(), std::string("."), std::string("token"), session + "0", "9" + session,
                                   std::string(100'000, '.')}) {
    CHECK_FALSE(sessions.good(other, kNow));
  }
}

TEST_CASE("who signs out is out, and no one else") {
  Sessions sessions("token");
  const auto mine = sessions.open(kNow), theirs = sessions.open(kNow);
  sessions.close(mine, kNow);
  CHECK_FALSE(sessions.good(mine, kNow));
  CHECK(sessions.good(theirs, kNow));
}

TEST_CASE("a proof is of one session") {
  const Sessions sessions("token");
  const auto mine = sessions.open(kNow), theirs = sessions.open(kNow);
  CHECK(sessions.proves(mine, sessions.proof_of(mine)));
  CHECK_FALSE(sessions.proves(mine, sessions.proof_of(theirs)));
  CHECK_FALSE(sessions.proves(mine, ""));
  CHECK_FALSE(Sessions("other").proves(mine, sessions.proof_of(mine)));
}

TEST_CASE("no two secrets are alike") {
  std::set<std::string> all;
  for (int i = 0; i < 1000; ++i) all.insert(random_hex(24));
  CHECK(all.size() == 1000);
  CHECK(all.begin()->size() == 48);
}
