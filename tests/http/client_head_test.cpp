#include "daemon/http/client_head.hpp"

#include <doctest/doctest.h>

namespace mjwatchd::http {

using Step = HeadReader::Step;

TEST_CASE("a head is complete at its empty line, once") {
  HeadReader reader;
  Response got;
  CHECK(reader.line("HTTP/1.1 204 No Content\r\n", got) == Step::more);
  CHECK(got.status == 204);
  CHECK(reader.line("A:  b c\t\r\n", got) == Step::more);
  CHECK_FALSE(reader.complete());
  CHECK(reader.line("\r\n", got) == Step::complete);
  CHECK(reader.complete());
  CHECK(reader.line("Trailer: x\r\n", got) == Step::more);
  CHECK(reader.line("\r\n", got) == Step::more);
  REQUIRE(got.headers.size() == 1);
  CHECK(got.headers[0].name == "A");
  CHECK(got.headers[0].value == "b c");
}

TEST_CASE("interim heads leave nothing, also without carriage returns") {
  HeadReader reader;
  Response got;
  for (const char* line : {"HTTP/1.1 100 Continue\n", "X: y\n"}) CHECK(reader.line(line, got) == Step::more);
  CHECK(reader.line("\n", got) == Step::more);
  CHECK(got.status == 0);
  CHECK(reader.line("HTTP/1.1 200\n", got) == Step::more);
  CHECK(reader.line("\n", got) == Step::complete);
  CHECK(got.status == 200);
  CHECK(got.headers.empty());
}

TEST_CASE("folded lines, doubled names, lines that are no headers") {
  HeadReader reader;
  Response got;
  for (const char* line :
       {"HTTP/1.1 200 OK\r\n", " lost\r\n", "A: 1\r\n", "\t 2\r\n", "no colon\r\n", "a: 3\r\n", ": nameless\r\n"}) {
    CHECK(reader.line(line, got) == Step::more);
  }
  CHECK(got.headers.size() == 3);
  CHECK(got.header("A") == "1 2");
  CHECK(got.headers[1].value == "3");
}

TEST_CASE("status lines that are none") {
  for (const char* line :
       {"HTTP/1.1\r\n", "HTTP/1.1 2\r\n", "HTTP/1.1 abc\r\n", "HTTP/1.1 -20 x\r\n", "\r\n", " \r\n"}) {
    CAPTURE(line);
    HeadReader reader;
    Response got;
    CHECK(reader.line(line, got) == Step::more);
    CHECK(got.status == 0);
  }
}

TEST_CASE("another protocol, and a head without end") {
  HeadReader switching;
  Response got;
  CHECK(switching.line("HTTP/1.1 101 Switching Protocols\r\n", got) == Step::switched);
  CHECK(got.status == 0);

  HeadReader endless;
  CHECK(endless.line("HTTP/1.1 200 OK\r\n", got) == Step::more);
  const std::string line = "X: " + std::string(1019, 'x') + "\r\n";
  std::size_t lines = 0;
  while (endless.line(line, got) == Step::more) ++lines;
  CHECK(lines == HeadReader::kMostBytes / 1024 - 1);
}

}  // namespace mjwatchd::http
