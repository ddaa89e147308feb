#include "tests/store/postgres/numbers.hpp"

#include <doctest/doctest.h>

#include <map>

namespace mjwatchd::store::test {

void check_written(State& state, const std::vector<CommitResult>& answers) {
  std::map<std::string, EventNo> written;
  EventNo last = 0;
  for (const CommittedEvent& event : state.events().events) {
    CHECK(event.no == ++last);
    CHECK(written.emplace(event.webhook_id, event.no).second);
  }
  std::size_t told = 0, sent = 0;
  for (const CommitResult& answer : answers) {
    CHECK_MESSAGE(answer.code == Code::done, answer.detail);
    for (const CommittedEvent& event : answer.events) {
      if (event.webhook_id.empty()) continue;  // for live streams only
      CHECK(written[event.webhook_id] == event.no);
      ++told;
    }
    for (const DeliveryRecord& delivery : answer.deliveries) {
      CHECK(state.look("SELECT event FROM deliveries WHERE no = " + std::to_string(delivery.no)) == delivery.event);
      ++sent;
    }
  }
  CHECK(told == written.size());
  CHECK(state.look("SELECT count(*) FROM deliveries") == static_cast<std::int64_t>(sent));
  CHECK(state.look("SELECT value FROM meta WHERE name = 'events'") == last);
}

}  // namespace mjwatchd::store::test
