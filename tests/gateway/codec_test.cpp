#include "daemon/gateway/codec.hpp"

#include <doctest/doctest.h>

#include "daemon/gateway/json.hpp"

namespace mjwatchd::gateway::test {
namespace {

using Verdict = FetchReply::Verdict;

const std::string kTask = R"({"id":"1","status":"IN_PROGRESS","progress":"47%"})";

Verdict batch(const std::string& body) { return decode_batch(body, {"1", "2"}).verdict; }
Verdict single(const std::string& body) { return decode_one(body, "1").verdict; }

/// The batch reply holds task 1 and nothing else.
void check_finds(const std::string& body) {
  CAPTURE(body);
  const Decoded decoded = decode_batch(body, {"1", "2"});
  CAPTURE(decoded.detail);
  CHECK(decoded.verdict == Verdict::answered);
  REQUIRE(decoded.tasks.size() == 1);
  CHECK(decoded.tasks[0].id == "1");
  CHECK(decoded.tasks[0].status == Status::in_progress);
  CHECK(decoded.tasks[0].progress == 47);
}

void check_nonsense(const std::string& body) {
  CAPTURE(body);
  CHECK(batch(body) == Verdict::nonsense);
  CHECK_FALSE(decode_batch(body, {"1"}).detail.empty());
}

}  // namespace

TEST_CASE("a batch comes bare or in any wrapper") {
  check_finds("[" + kTask + "]");
  check_finds(R"({"data":[)" + kTask + "]}");
  check_finds(R"({"result":[)" + kTask + R"(],"description":""})");
  check_finds(R"({"code":0,"data":{"list":[)" + kTask + R"(],"total":1}})");
  check_finds(R"({"code":1,"description":"成功","result":[)" + kTask + "]}");
  check_finds(R"({"code":200,"data":)" + kTask + "}");
  check_finds(R"({"code":"success","message":"","data":[)" + kTask + "]}");
  check_finds(R"({"success":true,"code":20000,"data":[)" + kTask + "]}");
  check_finds(R"({"code":0,"data":{"1":)" + kTask + "}}");
  check_finds(R"({"data":{"1":{"status":"IN_PROGRESS","progress":"47%","action":"IMAGINE"}}})");
  check_finds(kTask);
  check_finds("\xEF\xBB\xBF \n[" + kTask + "]\n");
}

TEST_CASE("a task that carries wrapper words is a task") {
  check_finds(R"([{"id":"1","status":"IN_PROGRESS","progress":47,"data":[{"id":"2","status":"SUCCESS"}],"code":4}])");
  check_finds(R"({"id":"1","status":"IN_PROGRESS","progress":47,"result":{"id":"2","status":"SUCCESS"}})");
}

TEST_CASE("no tasks is an answer") {
  for (const char* body : {"[]", R"({"data":[]})", R"({"code":0,"data":[]})", R"({"code":1,"result":null})", "null",
                           R"({"success":true,"data":{"list":[],"total":0}})"}) {
    CAPTURE(body);
    CHECK(batch(body) == Verdict::answered);
    CHECK(decode_batch(body, {"1"}).tasks.empty());
  }
}

TEST_CASE("an error object is an error, never no tasks") {
  check_nonsense(R"({"success":false,"code":-1,"message":"ids must be strings"})");
  check_nonsense(R"({"success":false,"code":-1,"data":[]})");
  check_nonsense(R"({"code":5,"description":"system error","result":[]})");
  check_nonsense(R"({"code":5,"data":[)" + kTask + "]}");
  check_nonsense(R"({"error":{"message":"bad","type":"upstream_error"},"data":[]})");
  check_nonsense(R"({"status":500,"error":"Internal Server Error","path":"/mj"})");
  check_nonsense(R"({"status":"error","data":[]})");
  check_nonsense(R"({"data":null})");
  check_nonsense(R"({"message":"hello"})");
  check_nonsense("{}");
  CHECK(decode_batch(R"({"success":false,"code":-1,"message":"ids must be strings"})", {"1"}).detail ==
        "an error object: code -1: ids must be strings");
}

TEST_CASE("an error object may name a refusal") {
  CHECK(batch(R"({"code":401,"message":"invalid token"})") == Verdict::refused);
  CHECK(batch(R"({"code":"429","message":"slow down"})") == Verdict::throttled);
}

TEST_CASE("what is no JSON with tasks is nonsense, in one line") {
  check_nonsense("");
  check_nonsense("<!DOCTYPE html><html><head><title>Just a\nmoment</title></head></html>");
  check_nonsense("[" + kTask);
  check_nonsense("[" + kTask + "] trailing");
  check_nonsense("\"text\"");
  check_nonsense("true");
  check_nonsense("[1,2,null]");
  check_nonsense("[[" + kTask + "]]");
  check_nonsense(R"({"data":{"data":{"data":{"data":{"data":{"data":{"data":[)" + kTask + "]}}}}}}}");
  const auto page = decode_batch("<html><title>Just a\nmoment</title>", {"1"});
  CHECK(page.detail.find("an HTML page: Just a\\x0amoment") != std::string::npos);
}

TEST_CASE("foreign tasks are left out, and do not make the reply nonsense") {
  const Decoded decoded = decode_batch(R"([{"id":"99","status":"SUCCESS"},)" + kTask + "]", {"1", "2"});
  CHECK(decoded.tasks.size() == 1);
  CHECK(batch(R"([{"id":"99","status":"SUCCESS"}])") == Verdict::answered);
}

TEST_CASE("what is no task in a list is left out and told of") {
  const Decoded decoded = decode_batch(R"([null,{"id":"2"},)" + kTask + "]", {"1", "2"});
  CHECK(decoded.verdict == Verdict::answered);
  CHECK(decoded.tasks.size() == 1);
  CHECK(decoded.detail.find("no task (and 1 more such)") != std::string::npos);
}

TEST_CASE("a task is found by the id that was asked for, whatever else it carries") {
  const Decoded numbers = decode_batch(R"([{"id":1712158011464906,"status":"MODAL"}])", {"1712158011464906"});
  REQUIRE(numbers.tasks.size() == 1);
  CHECK(numbers.tasks[0].id == "1712158011464906");
  CHECK(numbers.tasks[0].json->find(R"("id":1712158011464906)") != std::string::npos);
  const Decoded row = decode_batch(R"([{"id":5,"mj_id":"1","status":"MODAL"}])", {"1", "2"});
  REQUIRE(row.tasks.size() == 1);
  CHECK(row.tasks[0].id == "1");
}

TEST_CASE("of a task told twice the more advanced one counts, in any order") {
  const std::string done = R"({"id":"1","status":"SUCCESS","progress":"100%"})";
  for (const std::string& body : {"[" + kTask + "," + done + "]", "[" + done + "," + kTask + "]"}) {
    const Decoded decoded = decode_batch(body, {"1"});
    REQUIRE(decoded.tasks.size() == 1);
    CHECK(decoded.tasks[0].status == Status::success);
  }
  const Decoded later = decode_batch("[" + kTask + R"(,{"id":"1","status":"IN_PROGRESS","progress":"31%"}])", {"1"});
  REQUIRE(later.tasks.size() == 1);
  CHECK(later.tasks[0].progress == 47);
}

TEST_CASE("a single fetch: the task, bare, wrapped or in a list") {
  for (const std::string& body : {kTask, R"({"code":1,"result":)" + kTask + "}", "[" + kTask + "]"}) {
    CAPTURE(body);
    CHECK(single(body) == Verdict::answered);
    CHECK(decode_one(body, "1").tasks.at(0).progress == 47);
  }
}

TEST_CASE("a single fetch: all the ways to say that there is no such task") {
  for (const char* body : {"", " \r\n", "null", "[]", R"({"code":0,"data":null})",
                           R"({"description":"task_no_found ","type":"upstream_error","code":4})",
                           R"({"code":3,"description":"关联任务不存在或已失效","result":null})",
                           R"({"message":"Task 17 was not found"})"}) {
    CAPTURE(body);
    CHECK(single(body) == Verdict::unknown_task);
  }
}

TEST_CASE("a single fetch: what says nothing of the task loses no task") {
  for (const char* body : {"{}", "<html>", R"({"code":5,"description":"connect: no such host"})",
                           R"({"code":4,"description":"quota_not_enough"})", R"({"success":false,"message":"x"})",
                           R"({"description":"channel not found for this task"})", R"({"id":"2","status":"SUCCESS"})",
                           R"({"status":"FAILURE","failReason":"the token is invalid"})", R"({"id":"1"})", "17"}) {
    CAPTURE(body);
    CHECK(single(body) == Verdict::nonsense);
  }
  CHECK(decode_one(R"({"id":"2","status":"SUCCESS"})", "1").detail == "told of task 2 when asked for 1");
}

TEST_CASE("a 400 denies a task by its words only") {
  CHECK(is_denial(R"({"description":"task_no_found ","type":"upstream_error","code":4})"));
  CHECK(is_denial(R"({"error":{"message":"Task not found"}})"));
  CHECK_FALSE(is_denial(R"({"description":"quota_not_enough","type":"upstream_error","code":4})"));
  CHECK_FALSE(is_denial("task_no_found"));
  CHECK_FALSE(is_denial(""));
}

TEST_CASE("an object that is far too large is no task, and spoils no other") {
  const std::string large = R"({"id":"2","status":"SUCCESS","prompt":")" + std::string(2U << 20, 'x') + "\"}";
  const Decoded decoded = decode_batch("[" + large + "," + kTask + "]", {"1", "2"});
  CHECK(decoded.verdict == Verdict::answered);
  REQUIRE(decoded.tasks.size() == 1);
  CHECK(decoded.tasks[0].id == "1");
  CHECK(decoded.detail == "the object of task 2 is larger than 1 MiB");
}

TEST_CASE("details stay within 200 bytes and hold no control characters") {
  const std::string body = R"({"code":5,"description":")" + std::string(300, 'e') + R"(\u0007\n"})";
  CHECK(decode_batch(body, {"1"}).detail.size() <= 200);
  const std::string bell = decode_batch(R"({"code":5,"description":"a\u0007b\u009bc"})", {"1"}).detail;
  CHECK(bell == "an error object: code 5: a\\x07b\\x9bc");
}

TEST_CASE("the seed, wherever it stands") {
  CHECK(decode_seed(200, R"({"code":1,"description":"","result":"1234567890"})").seed == "1234567890");
  CHECK(decode_seed(200, R"({"code":1,"result":4294967295})").seed == "4294967295");
  CHECK(decode_seed(200, R"({"code":0,"data":{"seed":"77"}})").seed == "77");
  CHECK(decode_seed(200, R"({"seed":12})").seed == "12");
}

TEST_CASE("no seed: asked again only where that can help") {
  struct Case {
    int status;
    const char* body;
    bool retry;
  };
  for (const auto& [status, body, retry] :
       {Case{200, R"({"code":3,"description":"not found yet","result":null})", true},
        Case{404, R"({"code":3,"description":"task not found"})", false},
        Case{400, R"({"code":4,"description":"not finished"})", true}, Case{500, R"({"code":5})", true},
        Case{200, R"({"code":1,"result":""})", true}, Case{200, R"({"code":1,"result":"see the picture"})", true},
        Case{200, R"({"code":3,"result":"123"})", true}, Case{200, "<html>", true}, Case{204, "", true},
        Case{429, "", true}, Case{502, "<html>", true}, Case{401, "", false}, Case{403, "", false},
        Case{405, "", false}, Case{501, "", false}, Case{302, "", false}}) {
    CAPTURE(status);
    CAPTURE(body);
    const auto seed = decode_seed(status, body);
    CHECK_FALSE(seed.seed);
    CHECK(seed.retry == retry);
    CHECK(seed.detail.starts_with("HTTP " + std::to_string(status)));
  }
}

}  // namespace mjwatchd::gateway::test
