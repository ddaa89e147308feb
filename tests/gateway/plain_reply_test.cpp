// The quick way of reading a reply must find what the tree finds, or leave it to the tree.
#include "daemon/gateway/plain_reply.hpp"

#include <doctest/doctest.h>

#include "daemon/gateway/json.hpp"
#include "daemon/gateway/snapshot.hpp"
#include "tests/gateway/fixture.hpp"

using namespace mjwatchd;
using namespace mjwatchd::gateway;
using mjwatchd::gateway::test::fixture;

namespace {

/// Reads one object both ways and compares all that is told of it.
void check_alike(const std::string& object, const std::string& id) {
  CAPTURE(object);
  const auto quick = read_plain_reply("[" + object + "]", {id});
  REQUIRE(quick.has_value());
  REQUIRE(quick->size() == 1);
  const auto tree = parse_json(object);
  REQUIRE(tree.has_value());
  const Snapshot slow = make_snapshot(*tree, id);
  const Snapshot& fast = quick->front();
  CHECK(fast.id == slow.id);
  CHECK(fast.status == slow.status);
  CHECK(fast.action == slow.action);
  CHECK(fast.progress == slow.progress);
  CHECK(fast.submitted == slow.submitted);
  CHECK(fast.started == slow.started);
  CHECK(fast.finished == slow.finished);
  CHECK(fast.digest == slow.digest);
  CHECK(write_json(*parse_json(*fast.json)) == *slow.json);
}

}  // namespace

TEST_CASE("a recorded object is read the same without a tree") {
  check_alike(fixture("success_with_buttons.json"), "1748339029401828");
  check_alike(fixture("in_progress_documented.json"), "1712158011464906");
  check_alike(fixture("submitted.json"), "5321180088413457");
}

TEST_CASE("values of every kind weigh the same without a tree") {
  for (const char* const rest :
       {R"("a":null)", R"("a":true,"b":false)", R"("a":0,"b":-0.5e+3,"c":18446744073709551616,"d":1.10)",
        R"("a":"","b":[],"c":{},"d":[[],{}],"e":{"f":"","g":{"startTime":0,"x":1}})", R"("a":"\u732b\n\"","猫":"猫")",
        R"("startTime":0,"submitTime":"0","finishTime":1712158011464)", R"("startTime":{},"progress":[1])",
        R"("imageUrl":"https://a/b","images":[1],"displays":{"a":1},"updateTime":5)",
        R"("b":1,"a":2,"a":3,"action":"IMAGINE","action":" up ")", R"("a":"\u0000x","b":"12345678","c":"123456789")"}) {
    for (const char* const status : {"IN_PROGRESS", "SUCCESS", "strange"}) {
      check_alike(std::string(R"({"id":"7","status":")") + status + "\"," + rest + "}", "7");
      check_alike(std::string(" { ") + rest + R"( , "status" : ")" + status + "\",\n\"id\" : 7 } ", "7");
    }
  }
}

TEST_CASE("the order of members does not count, that of an array does") {
  const auto digest = [](const std::string& rest) {
    return read_plain_reply(R"([{"id":"7","status":"MODAL",)" + rest + "}]", {"7"}).value().front().digest;
  };
  CHECK(digest(R"("a":1,"b":{"c":2,"d":3})") == digest(R"("b":{"d":3,"c":2},"a":1)"));
  CHECK(digest(R"("a":[1,2])") != digest(R"("a":[2,1])"));
  CHECK(digest(R"("a":"1")") != digest(R"("a":1)"));
  CHECK(digest(R"("imageUrl":"x")") == digest(R"("imageUrl":"y")"));
}

TEST_CASE("a reply that is not plain is left to the tree") {
  const std::string good = R"({"id":"7","status":"MODAL"})";
  CHECK(read_plain_reply("[" + good + "]", {"7"}).has_value());
  CHECK(read_plain_reply("[]", {"7"}).value().empty());
  const std::vector<std::string> others{
      good,
      "[" + good + "] x",
      "[" + good + "," + good + "]",
      "[" + good,
      R"({"data":[]})",
      std::string(),
      std::string("[7]"),
      "[null," + good + "]",
      std::string(R"([{"id":"8","status":"MODAL"}])"),
      std::string(R"([{"id":"7","progress":"5%"}])"),
      std::string(R"([{"taskId":"7","status":"MODAL"}])"),
      std::string(R"([{"id":"7","id":"7","status":"MODAL"}])"),
      std::string(R"([{"id":"7","status":"MODAL","a":01}])"),
      std::string(R"([{"id":"7","status":"MODAL","a":1x}])"),
      std::string(R"([{"id":"7","status":"MODAL","a":nul}])"),
      std::string(R"([{"id":"7","status":"MODAL","a":"\ud800"}])"),
      std::string("[{\"id\":\"7\",\"status\":\"MODAL\",\"a\":\"\xff\"}]"),
      std::string("[{\"id\":\"7\",\"status\":\"MODAL\",\"a\":\"\n\"}]"),
      std::string(R"([{"id":"7","status":"MODAL","start_time":5}])"),
      R"([{"id":"7","status":"MODAL","a":)" + std::string(70, '[') + std::string(70, ']') + "}]"};
  for (const std::string& body : others) {
    CAPTURE(body);
    CHECK(!read_plain_reply(body, {"7"}).has_value());
  }
}
