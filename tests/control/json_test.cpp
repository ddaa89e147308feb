#include "daemon/control/json.hpp"

#include <doctest/doctest.h>

using namespace mjwatchd::control;

namespace {

std::string compact(const std::string& text) {
  std::string wrong;
  const auto json = read_json(text, wrong);
  return json ? canonical(*json) : "wrong: " + wrong;
}

}  // namespace

TEST_CASE("canonical JSON has sorted keys, no white space, and numbers as they were written") {
  CHECK(compact(" { \"b\" : [ 1 , 2.50, 1e3, -0 ] ,\n\"a\":{\"z\":null,\"y\":true} } ") ==
        R"({"a":{"y":true,"z":null},"b":[1,2.50,1e3,-0]})");
  CHECK(compact("12345678901234567890123456789.000") == "12345678901234567890123456789.000");
  CHECK(compact(R"("1")") == R"("1")");
  CHECK(compact("1") == "1");
}

TEST_CASE("texts keep their characters, however they were escaped") {
  CHECK(compact(R"("\u00e4\ud83d\ude00\/")") == compact("\"\xC3\xA4\xF0\x9F\x98\x80/\""));
  CHECK(compact(R"("a\u0000b")") == R"("a\u0000b")");
}

TEST_CASE("what is wrong with JSON is said with its place") {
  CHECK(compact("{\"a\":1,\n  \"b\":}").find("line 2, column 7") != std::string::npos);
  CHECK(compact("{\"a\":1").starts_with("wrong: line 1, column 7: "));
  CHECK(compact("{} x").starts_with("wrong: line 1, column 4: "));
  CHECK(compact("") == "wrong: there is nothing but white space");
  CHECK(compact("{'a':1}").starts_with("wrong: line 1, column 2: "));
  CHECK(compact("[1,]").starts_with("wrong: "));
  CHECK(compact("NaN").starts_with("wrong: "));
  CHECK(compact("01").starts_with("wrong: "));
  CHECK(compact("\"\xFF\"").starts_with("wrong: "));
  CHECK(compact(R"("\ud800")").starts_with("wrong: "));
  CHECK(compact(R"(["\ude00"])").find("half of a surrogate pair") != std::string::npos);
  CHECK(compact(R"({"\udc00":1})").find("half of a surrogate pair") != std::string::npos);
}

TEST_CASE("a key that stands twice is refused wherever it is") {
  CHECK(compact(R"({"a":1,"a":1})").find("\"a\" stands twice") != std::string::npos);
  CHECK(compact(R"([{"x":{"k":1,"\u006b":2}}])").find("\"k\" stands twice") != std::string::npos);
  CHECK(compact(R"([{"k":1},{"k":2}])") == R"([{"k":1},{"k":2}])");
}

TEST_CASE("nesting is bounded") {
  CHECK(compact(std::string(64, '[') + std::string(64, ']')) == std::string(64, '[') + std::string(64, ']'));
  CHECK(compact(std::string(65, '[') + std::string(65, ']')).find("64 levels") != std::string::npos);
  CHECK(compact(std::string(1000000, '[')).find("64 levels") != std::string::npos);
}
