#include "daemon/gateway/one_line.hpp"

#include <doctest/doctest.h>

#include "daemon/gateway/denial.hpp"

namespace mjwatchd::gateway::test {

TEST_CASE("control characters are shown, blanks at the ends go") {
  CHECK(one_line(" a\nb\x1b[31m\x7f \r\n") == "a\\x0ab\\x1b[31m\\x7f");
  CHECK(one_line("\xC2\x9B"
                 "5m é \xFFx") == "\\x9b5m é \xEF\xBF\xBDx");
}

TEST_CASE("a long text is cut between characters, with a sign") {
  CHECK(one_line(std::string(200, 'a')) == std::string(200, 'a'));
  CHECK(one_line(std::string(201, 'a')) == std::string(197, 'a') + "…");
  CHECK(one_line("aéééé", 8) == "aéé…");
  CHECK(one_line("abc", 2).empty());
  CHECK(one_line(std::string(50'000'000, '\n') + "x") == "x");
}

TEST_CASE("a secret is taken out wherever it stands") {
  CHECK(without_secret("sk-12: invalid sk-12", "sk-12") == "***: invalid ***");
  CHECK(without_secret("a*b", "*") == "a***b");
  CHECK(without_secret("abc", "") == "abc");
}

TEST_CASE("a body is described by what it says to people") {
  CHECK(describe_body("") == "an empty body");
  CHECK(describe_body(R"({"description":"task_no_found ","type":"upstream_error","code":4})") ==
        "code 4: task_no_found");
  CHECK(describe_body(R"({"error":{"message":"bad key","code":"x1"}})") == "code x1: bad key");
  CHECK(describe_body(R"({"error":"Not Found","status":404})") == "Not Found");
  CHECK(describe_body("<html><head><TITLE a=b> 502 Bad\nGateway </TITLE>") == "an HTML page: 502 Bad\\x0aGateway");
  CHECK(describe_body("<p>x") == "an HTML page");
  CHECK(describe_body("no healthy upstream\n") == "\"no healthy upstream\"");
  CHECK(describe_body("{broken").size() < 120);
  CHECK(describe_body(std::string(100'000, 'x')).size() <= 120);
}

TEST_CASE("words that deny a task") {
  for (const char* words :
       {"task_no_found ", "Task not found", "task 17053-a does not exist", "no such task", "unknown task",
        "The job with id 5 could not be found", "Task doesn't exist", "关联任务不存在或已失效", "任务未找到"}) {
    CAPTURE(words);
    CHECK(denies_task(words));
  }
}

TEST_CASE("words that deny something else") {
  for (const char* words :
       {"", "not found", "task", "no such host", "user not found", "task failed: model not found",
        "unknown error of the task", "task channel not found", "the task is not finished", "无效的令牌"}) {
    CAPTURE(words);
    CHECK_FALSE(denies_task(words));
  }
}

}  // namespace mjwatchd::gateway::test
