#include "daemon/gateway/merge.hpp"

#include <doctest/doctest.h>

#include <string>

namespace mjwatchd::gateway::test {

TEST_CASE("a fresh value wins, and what only the stored object has stays") {
  CHECK(merge_objects(R"({"id":"1","status":"SUBMITTED","prompt":"cat"})", R"({"status":"SUCCESS","seed":7})") ==
        R"({"id":"1","status":"SUCCESS","prompt":"cat","seed":7})");
}

TEST_CASE("an emptier reply erases nothing that is known") {
  const std::string stored =
      R"({"imageUrl":"https://a/b.png","failReason":"x","buttons":[1],"properties":{"a":1},"progress":"100%"})";
  CHECK(merge_objects(stored, R"({"imageUrl":null,"failReason":"","buttons":[],"properties":{}})") == stored);
  CHECK(merge_objects(stored, "{}") == stored);
}

TEST_CASE("a time of 0 is no time, but other zeros are values") {
  CHECK(merge_objects(R"({"startTime":5,"finish_time":"7","flags":3})",
                      R"({"startTime":0,"finish_time":"0","flags":0})") ==
        R"({"startTime":5,"finish_time":"7","flags":0})");
  CHECK(merge_objects(R"({"startTime":0})", R"({"startTime":null})") == R"({"startTime":null})");
}

TEST_CASE("false and a changed type are fresh values") {
  CHECK(merge_objects(R"({"a":true,"b":[1],"c":"x"})", R"({"a":false,"b":"[2]","c":{"d":1}})") ==
        R"({"a":false,"b":"[2]","c":{"d":1}})");
}

TEST_CASE("objects inside are merged by the same rule, lists are replaced") {
  CHECK(merge_objects(R"({"properties":{"finalPrompt":"cat --v 6","flags":0},"buttons":[1,2]})",
                      R"({"properties":{"finalPrompt":null,"messageId":"5"},"buttons":[3]})") ==
        R"({"properties":{"finalPrompt":"cat --v 6","flags":0,"messageId":"5"},"buttons":[3]})");
}

TEST_CASE("either side may be missing or no object") {
  CHECK(merge_objects("", R"({ "a" : 1 })") == R"({"a":1})");
  CHECK(merge_objects(R"({"a":1})", "") == R"({"a":1})");
  CHECK(merge_objects(R"({"a":1})", "[2]") == R"({"a":1})");
  CHECK(merge_objects("<html>", R"({"a":1})") == R"({"a":1})");
  CHECK(merge_objects("", "").empty());
}

TEST_CASE("a preview's link does not become the picture of a success that names none") {
  const std::string running =
      R"({"status":"IN_PROGRESS","imageUrl":"https://a/47.webp","imageUrls":[{"url":"https://a/1"}],"prompt":"cat"})";
  CHECK(merge_objects(running, R"({"status":"SUCCESS","imageUrl":""})") ==
        R"({"status":"SUCCESS","prompt":"cat","imageUrl":""})");
  CHECK(merge_objects(running, R"({"status":"SUCCESS"})") == R"({"status":"SUCCESS","prompt":"cat"})");
  CHECK(merge_objects(running, R"({"status":"IN_PROGRESS"})") == running);
  CHECK(merge_objects(running, R"({"status":"FAILURE"})").find("47.webp") != std::string::npos);
}

TEST_CASE("the link of a success is kept when a later reply has none") {
  const std::string done = R"({"status":"SUCCESS","imageUrl":"https://a/b.png"})";
  CHECK(merge_objects(done, R"({"status":"SUCCESS","imageUrl":null})") == done);
}

TEST_CASE("numbers keep every digit") {
  const std::string numbers = R"({"nonce":1467884005067145216123456789,"zoom":1.50,"tiny":1E-7})";
  CHECK(merge_objects("", numbers) == numbers);
}

TEST_CASE("a key told twice stands once, with its last word") {
  CHECK(merge_objects("", R"({"a":1,"a":2,"b":3,"b":null})") == R"({"a":2,"b":3})");
}

TEST_CASE("an object of very many members is merged in a moment") {
  std::string many = "{";
  for (int i = 0; i < 100'000; ++i) many += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":1";
  many += "}";
  CHECK(merge_objects(many, many) == many);
}

}  // namespace mjwatchd::gateway::test
