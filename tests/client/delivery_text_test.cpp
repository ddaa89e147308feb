#include "daemon/client/delivery_text.hpp"

#include <doctest/doctest.h>

#include "daemon/client/json.hpp"

using namespace mjwatchd::client;

TEST_CASE("a delivery is told with its attempts, their timings and what was answered") {
  const auto delivery = parse_json(R"({"id":7,"state":"dead","reason":"every retry was used","type":"task.succeeded",
    "task":"t","gateway":"gw","sequence":2,"endpoint":"app","url":null,"webhook_id":"evt_1","due":null,"attempts_made":2,
    "attempts":[
      {"number":1,"started_at":"2026-11-23T13:08:00.123Z","http_status":500,"fault":null,"detail":null,
       "retry_after_ms":2000,"timings_ms":{"dns":1,"connect":2,"tls":3,"first_byte":4,"total":5},
       "answer":"<h1>Oops</h1>\n\u001b[2Jwiped"},
      {"number":2,"started_at":"2026-11-23T13:08:05.123Z","http_status":null,"fault":"timeout","detail":"too slow",
       "retry_after_ms":null,"timings_ms":{"dns":1,"connect":2,"tls":3,"first_byte":0,"total":15000},"answer":null}]})");
  const auto told = describe_delivery(delivery, Terminal{});
  for (const auto* piece : {"DELIVERY", "dead", "every retry was used", "evt_1", "500", "2000ms", "timeout", "15000ms",
                            "too slow", "The answer to attempt 1:\n  <h1>Oops</h1>\n  ?[2Jwiped\n"}) {
    CAPTURE(piece);
    CHECK(told.find(piece) != std::string::npos);
  }
  CHECK(told.find("url") == std::string::npos);
  CHECK(told.find("attempt 2:") == std::string::npos);
}

TEST_CASE("a delivery that was not tried yet says so") {
  const auto told = describe_delivery(parse_json(R"({"id":7,"state":"pending","attempts":[]})"), Terminal{});
  CHECK(told.find("It was not tried yet.") != std::string::npos);
}
