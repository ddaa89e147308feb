#include "daemon/gateway/plain_merge.hpp"

#include <doctest/doctest.h>

#include <array>
#include <random>
#include <string>

#include "daemon/gateway/json.hpp"
#include "daemon/gateway/merge.hpp"

namespace mjwatchd::gateway::test {
namespace {

class Maker {
 public:
  explicit Maker(unsigned seed) : random_(seed) {}

  std::string object(int depth = 0) {
    std::string text = blanks() + "{";
    const unsigned count = upto(9);
    for (unsigned i = 0; i < count; ++i) {
      if (i != 0) text += ",";
      text += blanks() + "\"" + std::string(kKeys[upto(kKeys.size())]) + "\"" + blanks() + ":" + value(depth);
    }
    return text + blanks() + "}";
  }

 private:
  unsigned upto(std::size_t end) { return static_cast<unsigned>(random_() % end); }
  std::string blanks() { return std::string(upto(10) == 0 ? " \n" : ""); }
  std::string value(int depth) {
    const unsigned kind = upto(depth < 2 ? 12 : 10);
    return kind == 10   ? object(depth + 1)
           : kind == 11 ? "[" + value(2) + "," + value(2) + "]"
                        : std::string(kValues[kind]);
  }

  static constexpr std::array<std::string_view, 12> kKeys{"id",       "status",    "imageUrl",    "image_urls",
                                                          "prompt",   "startTime", "finish_time", "properties",
                                                          "progress", "a\\u0062",  "buttons",     "failReason"};
  static constexpr std::array<std::string_view, 10> kValues{
      "null",  "\"\"", "[]", "{}", "0", "\"SUCCESS\"", "\"IN_PROGRESS\"", "12345678901234567890123", "\"a \\\" }\\n\"",
      "\"猫\""};
  std::mt19937 random_;
};

std::string as_written(const std::string& text) {
  const auto value = parse_json(text);
  return value ? write_json(*value) : "no JSON: " + text;
}

}  // namespace

TEST_CASE("without trees comes out what comes out with them") {
  int plain = 0;
  for (unsigned seed = 0; seed < 20'000; ++seed) {
    Maker maker(seed);
    // What is stored came out of a merge.
    const std::string stored = seed % 5 == 0 ? "" : merge_trees(maker.object(), maker.object());
    const std::string fresh = maker.object();
    const auto merged = merge_plainly(stored, fresh);
    if (!merged) continue;
    ++plain;
    CAPTURE(stored);
    CAPTURE(fresh);
    REQUIRE(as_written(*merged) == merge_trees(stored, fresh));
  }
  CHECK(plain > 2'000);
}

TEST_CASE("values stay as they were sent, without the blanks between them") {
  CHECK(merge_plainly(R"({"prompt":"\u732b"})", "{ \"seed\" : 1.50,\n \"list\": [ 1, 2 ] }") ==
        R"({"prompt":"\u732b","seed":1.50,"list":[1,2]})");
}

TEST_CASE("what is not plain is left to the trees") {
  for (const std::string text :
       {"", "[1]", "1", "{\"a\":1", "{\"a\":01}", "{\"a\":1}}", "{\"a\":1} 2", "{\"a\\u0062\":1}", "{\"a\":\"\x01\"}",
        "{\"a\":\"\xff\"}", "{\"a\":1,\"a\":2}", "{\"a\":[1 2]}", "{\"status\":\"SUCC\\u0045SS\"}"}) {
    CAPTURE(text);
    CHECK(!merge_plainly(R"({"b":1})", text));
  }
  CHECK(!merge_plainly("<html>", R"({"a":1})"));
}

}  // namespace mjwatchd::gateway::test
