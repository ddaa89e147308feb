#include "tests/support/hostile_json.hpp"

#include <doctest/doctest.h>

#include "daemon/gateway/codec.hpp"
#include "daemon/gateway/json.hpp"

using namespace mjwatchd;

TEST_CASE("a gateway's JSON is read if it is JSON, and its characters are forgiven") {
  for (const test::HostileJson& one : test::hostile_json()) {
    CAPTURE(one.text.substr(0, 200));
    const bool read = gateway::parse_json(one.text).has_value();
    if (one.said != test::Said::too_much) CHECK(read == (one.said != test::Said::not_json));
  }
}

TEST_CASE("one field that is no JSON makes a reply nonsense, and no strange field costs a task") {
  for (const test::HostileJson& one : test::hostile_json()) {
    // A mark stands at a text's beginning only.
    if (one.said == test::Said::bad_text || one.said == test::Said::too_much) continue;
    CAPTURE(one.text.substr(0, 200));
    const std::string reply = R"([{"id":"1","status":"SUCCESS","odd":)" + one.text + "}]";
    const gateway::Decoded decoded = gateway::decode_batch(reply, {"1"});
    CHECK(decoded.tasks.size() == (one.said == test::Said::not_json ? 0 : 1));
    if (one.said == test::Said::not_json) CHECK(decoded.verdict == FetchReply::Verdict::nonsense);
  }
}
