#include "daemon/gateway/json.hpp"

#include <doctest/doctest.h>

#include "daemon/gateway/repair.hpp"
#include "mjwatchd/utf8.hpp"

namespace mjwatchd::gateway::test {
namespace {

/// Read and written again; the error when it can't be read.
std::string again(std::string_view text) {
  std::string error;
  const auto value = parse_json(text, &error);
  return value ? write_json(*value) : error;
}

}  // namespace

TEST_CASE("what is read is written as it was, but for white space") {
  for (const char* text : {R"({"a":1,"b":[true,false,null,"x"],"":{"c":{}}})", "[]", "5", R"("x")",
                           "[123456789012345678901234567890,-0,1.50,1E+2,0.1e-7]", R"(["a\u0000b","\\\"","é🔄"])"}) {
    CHECK(again(text) == text);
  }
  CHECK(again(" { \"a\" :\n[ 1 ,2 ] } ") == R"({"a":[1,2]})");
  CHECK(again(R"(["\u00e9\/\ud83d\udd04"])") == R"(["é/🔄"])");
}

TEST_CASE("a byte order mark, broken characters and bare control characters are forgiven") {
  CHECK(again("\xEF\xBB\xBF[1]") == "[1]");
  CHECK(again("[\"a\xE5\x85\"]") == "[\"a\xEF\xBF\xBD\xEF\xBF\xBD\"]");
  CHECK(again(R"(["\ud83d","\udd04x","\ud83d\u0041"])") ==
        "[\"\xEF\xBF\xBD\",\"\xEF\xBF\xBDx\",\"\xEF\xBF\xBD"
        "A\"]");
  CHECK(again("[\"a\nb\tc\"]") == R"(["a\nb\tc"])");
  CHECK(again("[\n\"a\"]") == R"(["a"])");
}

TEST_CASE("the last of equal keys counts") {
  const auto value = parse_json(R"({"a":1,"a":2})");
  REQUIRE(value);
  CHECK(value->find("a")->text == "2");
  CHECK(value->find("b") == nullptr);
}

TEST_CASE("of several spellings one that says something counts") {
  const auto value = parse_json(R"({"a":null,"b":"x","c":"y"})");
  REQUIRE(value);
  CHECK(value->find({"a", "b", "c"})->text == "x");
  CHECK(value->find({"z", "a"})->is(Json::Kind::null));
  CHECK(value->find({"z"}) == nullptr);
}

TEST_CASE("every bound is kept, and said") {
  CHECK(again(std::string(100'000, '[')) == "is nested too deeply");
  CHECK(again(std::string(65, '[') + std::string(65, ']')) == "is nested too deeply");
  CHECK(again(std::string(64, '[') + std::string(64, ']')).starts_with("[["));
  std::string error;
  CHECK_FALSE(parse_json("[1,2,3]", &error, {100, 4, 3}));
  CHECK(error == "holds too many values");
  CHECK_FALSE(parse_json("[1,2,3]", &error, {6, 4, 30}));
  CHECK(error == "is longer than 6 bytes");
}

TEST_CASE("what is no JSON is refused with its place") {
  for (const std::string& text :
       {std::string(""), std::string("{"), std::string("[1,]"), std::string("{\"a\" 1}"), std::string("nul"),
        std::string("[1] x"), std::string("[NaN]"), std::string("'a'"), std::string("\"\\x\""),
        std::string("\"\\ud8\""), std::string("\"a"), std::string("[1]\0[2]", 7), std::string("\"a\\")}) {
    CAPTURE(text);
    CHECK(again(text).starts_with("is no JSON: "));
  }
}

TEST_CASE("UTF-8 is measured strictly") {
  CHECK(utf8_length("a") == 1);
  CHECK(utf8_length("é") == 2);
  CHECK(utf8_length("任") == 3);
  CHECK(utf8_length("🔄") == 4);
  for (const char* bad : {"", "\x80", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
                          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xC3", "\xE5\x85", "\xF0\x9F\x94",
                          "\xC3"
                          "a"}) {
    CHECK(utf8_length(bad) == 0);
  }
}

}  // namespace mjwatchd::gateway::test
