// Files that no one wrote in good faith: whatever comes, it is a configuration or a list of mistakes.
#include <doctest/doctest.h>

#include <random>
#include <string>

#include "tests/config/support.hpp"

TEST_CASE("a NUL and other control characters are named by their place") {
  CHECK(mistakes(std::string("a: b\nc\0d", 8)) ==
        Lines{"/x.yaml:2:2: a control character; the file must be plain UTF-8 text"});
  CHECK(mistakes("a: \x1b[2J").size() == 1);
}

TEST_CASE("a bomb of aliases costs nothing") {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 40; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last + ", " + last + ", " + last + "]\n";
  }
  CHECK(mistakes(bomb).size() >= 40);
  CHECK(mistakes("a: &a [*a]").size() == 1);
}

TEST_CASE("deep nesting is refused before it costs a stack") {
  for (const char* piece : {"[", "{", "- ", "? ", "{a: "}) {
    std::string deep;
    for (int i = 0; i < 20000; ++i) deep += piece;
    CHECK_FALSE(mistakes(deep).empty());
  }
}

TEST_CASE("a file that is too large, broken, or several, is refused") {
  CHECK(mistakes(std::string((1U << 20) + 1, '#')).size() == 1);
  CHECK(mistakes("a: [").size() == 1);
  CHECK(mistakes("a: b: c").size() == 1);
  CHECK(mistakes("- a").at(0) == "/x.yaml:1:1: the file must be a map of keys, like \"gateways:\"");
  CHECK_FALSE(mistakes("a: b\n---\nc: d\n").empty());
  CHECK_FALSE(mistakes("? [a]\n: b\n").empty());
  CHECK_FALSE(mistakes("*nothing").empty());
}

TEST_CASE("a mistake is one line whatever the file smuggles into it") {
  for (const auto& line : mistakes("\"a\\nb\\e[2J\": 1\nlog: {level: \"x\\ny\"}")) {
    CHECK(line.find_first_of("\n\x1b") == std::string::npos);
  }
}

TEST_CASE("thousands of damaged files are refused or read, never worse") {
  const std::string whole =
      "state_dir: /s\ncontrol: {mode: \"0660\"}\ngateways:\n  g: &g\n    url: https://g.example\n    token_file: t\n"
      "watch: {max_gap: 60s, retain: 30d}\nimages:\n  allow: [10.0.0.0/8]\nwebhooks:\n  default: [e]\n  endpoints:\n"
      "    e: {url: 'https://e.example', secret_file: [a, b], events: [task.failed], headers: {X-A: b}}\n";
  std::mt19937 random(7);
  const std::string marks = "[]{}:,-*&!|>'\"%@?#\n \tx0";
  for (int round = 0; round < 3000; ++round) {
    std::string text = whole;
    for (unsigned i = 0; i < 1 + random() % 6; ++i) {
      const std::size_t at = random() % text.size();
      if (random() % 3 == 0) {
        text.erase(at, 1 + random() % 8);
      } else {
        text.insert(at, 1, marks[random() % marks.size()]);
      }
      if (text.empty()) text = "x";
    }
    (void)mistakes(text);  // answers, and throws nothing but ConfigError
  }
}
