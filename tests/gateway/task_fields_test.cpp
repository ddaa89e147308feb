#include "daemon/gateway/task_fields.hpp"

#include <doctest/doctest.h>

#include "daemon/gateway/snapshot.hpp"

namespace mjwatchd::gateway::test {
namespace {

Json json(const std::string& text) {
  auto value = parse_json(text);
  REQUIRE_MESSAGE(value, text);
  return *value;
}

Status status(const std::string& text) {
  const Json value = json(text);
  return read_status(&value);
}

int progress(const std::string& text) {
  const Json value = json(text);
  const auto read = read_progress(&value);
  return read ? *read : -1;
}

std::int64_t time(const std::string& text) {
  const Json value = json(text);
  const auto read = read_time(&value);
  return read ? read->time_since_epoch().count() : -1;
}

std::uint64_t digest(const std::string& text) {
  const Json value = json(text);
  return digest_of(value, read_status(value.find("status")));
}

}  // namespace

TEST_CASE("the seven words, in any case") {
  CHECK(status(R"("NOT_START")") == Status::not_start);
  CHECK(status(R"("SUBMITTED")") == Status::submitted);
  CHECK(status(R"("modal")") == Status::modal);
  CHECK(status(R"("In_Progress")") == Status::in_progress);
  CHECK(status(R"(" in-progress ")") == Status::in_progress);
  CHECK(status(R"("success")") == Status::success);
  CHECK(status(R"("Failure")") == Status::failure);
  CHECK(status(R"("CANCEL")") == Status::cancel);
}

TEST_CASE("what other dialects call them") {
  CHECK(status(R"("FINISHED")") == Status::success);
  CHECK(status(R"("TASK_STATUS_SUCCEED")") == Status::success);
  CHECK(status(R"("TASK_STATUS_FAILED")") == Status::failure);
  CHECK(status(R"("cancelled")") == Status::cancel);
}

TEST_CASE("anything else is unknown and runs on") {
  for (const char* word :
       {"null", R"("")", "3", R"("3")", R"("QUEUED")", R"("SUCCESSISH")", "{}", "true", R"("UNKNOWN")"}) {
    CAPTURE(word);
    CHECK(status(word) == Status::unknown);
  }
  CHECK(read_status(nullptr) == Status::unknown);
}

TEST_CASE("progress is a percentage however it is written") {
  CHECK(progress(R"("47%")") == 47);
  CHECK(progress("47") == 47);
  CHECK(progress(R"("47")") == 47);
  CHECK(progress(R"(" 47 % ")") == 47);
  CHECK(progress("\"(93%) (relaxed)\"") == 93);
  CHECK(progress("99.9") == 99);
  CHECK(progress(R"("0%")") == 0);
  CHECK(progress(R"("100%")") == 100);
}

TEST_CASE("progress that is no percentage is none") {
  for (const char* text : {"null", R"("")", R"("Waiting to start")", R"("%")", R"("-5%")", "-1", "101", R"("1000%")",
                           R"("nan%")", "1e300", R"("4 of 9")", "[47]", "true"}) {
    CAPTURE(text);
    CHECK(progress(text) == -1);
  }
}

TEST_CASE("times are milliseconds or seconds, numbers or text") {
  CHECK(time("1729072764329") == 1729072764329);
  CHECK(time("1729072764") == 1729072764000);
  CHECK(time(R"("1729072764329")") == 1729072764329);
  CHECK(time("1729072764.25") == 1729072764250);
  CHECK(time("1729072764329000") == 1729072764329);
  CHECK(time("1729072764329000000") == 1729072764329);
}

TEST_CASE("ISO times count with their zone, and not without one") {
  CHECK(time(R"("2024-10-16T09:59:24Z")") == 1729072764000);
  CHECK(time(R"("2024-10-16T17:59:24.329+08:00")") == 1729072764329);
  CHECK(time(R"("2024-10-16 05:59:24-0400")") == 1729072764000);
  CHECK(time(R"("2024-10-16T09:59Z")") == 1729072740000);
  CHECK(time(R"("2024-10-16 17:59:24")") == -1);
}

TEST_CASE("what is no time is none") {
  for (const char* text :
       {"0", R"("0")", "null", R"("")", "-5", "12", "1e300", R"("tomorrow")", R"("2024-13-01T00:00:00Z")",
        R"("2024-02-30T00:00:00Z")", R"("2024-10-16T25:00:00Z")", R"("0000-01-01T00:00:00Z")",
        R"("9999-12-31T23:59:59Z")", R"("2024-10-16T09:59:24+")", "99999999999999999999999999", "true"}) {
    CAPTURE(text);
    CHECK(time(text) == -1);
  }
}

TEST_CASE("a picture's address that differs at each look is no change while the task runs") {
  const std::string begin = R"({"id":"1","status":"IN_PROGRESS","progress":"47%")";
  const auto plain = digest(begin + "}");
  CHECK(plain ==
        digest(begin + R"(,"imageUrl":"https://a/b.webp?rand=1","thumbnailUrl":"x","imageUrls":["a?rand=2"]})"));
  CHECK(plain == digest(begin + R"(,"displays":{"status":"x"},"updateTime":17})"));
}

TEST_CASE("once a task has ended its pictures count") {
  CHECK(digest(R"({"status":"SUCCESS","imageUrl":"a"})") != digest(R"({"status":"SUCCESS","imageUrl":"b"})"));
}

TEST_CASE("status, progress, failReason, buttons and every other field count") {
  const auto plain = digest(R"({"id":"1","status":"SUBMITTED"})");
  for (const char* field : {R"("progress":"1%")", R"("failReason":"x")", R"("buttons":[1])", R"("startTime":5)",
                            R"("somethingNew":{"a":1})", R"("flag":false)"}) {
    CAPTURE(field);
    CHECK(plain != digest(std::string(R"({"id":"1","status":"SUBMITTED",)") + field + "}"));
  }
  CHECK(digest(R"({"buttons":[1,2]})") != digest(R"({"buttons":[2,1]})"));
  CHECK(digest(R"({"buttons":[1,2]})") != digest(R"({"buttons":[12]})"));
  CHECK(digest(R"({"a":"1"})") != digest(R"({"a":1})"));
}

TEST_CASE("order, white space and fields that say nothing do not count") {
  CHECK(digest(R"({"a":1,"b":{"c":2,"d":3}})") == digest(R"({ "b" : {"d":3,"c":2} , "a":1 })"));
  CHECK(digest(R"({"a":1})") == digest(R"({"a":1,"failReason":null,"prompt":"","buttons":[],"finishTime":0,"p":{}})"));
  CHECK(digest(R"({"p":{"x":1}})") == digest(R"({"p":{"x":1,"notifyHook":null}})"));
}

TEST_CASE("a digest is never the sign for never seen") { CHECK(digest("{}") != 0); }

}  // namespace mjwatchd::gateway::test
