// Webhooks as they are read to be sent.
#include <doctest/doctest.h>

#include "tests/store/state.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store::test;

TEST_CASE("webhooks asked for together are each answered with their own, in any order and with gaps") {
  State state;
  std::vector<DeliveryRecord> made;
  for (int i = 0; i < 12; ++i) made.push_back(finished(state, std::to_string(i)));
  const DeliveryNo first = made.front().no;
  const std::vector<DeliveryNo> asked{first + 3,  first + 4,  first + 5, first + 1, first, first + 5, first + 9,
                                      first + 10, first + 11, 99'999,    100'000,   0,     -1,        first + 7};
  std::vector<std::optional<Outgoing>> answers(asked.size());
  std::size_t answered = 0;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    state.store->outgoing(asked[i], [&, i](std::optional<Outgoing> found) {
      answers[i] = std::move(found);
      ++answered;
    });
  }
  state.run_until([&] { return answered == asked.size(); });
  for (std::size_t i = 0; i < asked.size(); ++i) {
    CAPTURE(i);
    const DeliveryNo at = asked[i] - first;
    REQUIRE(answers[i].has_value() == (at >= 0 && at < 12));
    if (!answers[i]) continue;
    CHECK(answers[i]->no == asked[i]);
    CHECK(answers[i]->webhook_id == state.delivery(asked[i]).webhook_id);
    CHECK(answers[i]->body->find("\"id\":\"" + std::to_string(at) + "\"") != std::string::npos);
  }
}

TEST_CASE("what is asked for from inside an answer is answered, too") {
  State state;
  const auto one = finished(state, "a"), other = finished(state, "b");
  std::vector<DeliveryNo> seen;
  state.store->outgoing(one.no, [&](const std::optional<Outgoing>& found) {
    seen.push_back(found->no);
    state.store->outgoing(other.no, [&](const std::optional<Outgoing>& then) { seen.push_back(then->no); });
  });
  state.run_until([&] { return seen.size() == 2; });
  CHECK(seen == std::vector<DeliveryNo>{one.no, other.no});
  CHECK(state.outgoing(one.no)->no == one.no);
}
