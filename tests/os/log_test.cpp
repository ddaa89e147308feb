#include "daemon/os/log.hpp"

#include <doctest/doctest.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

#include "daemon/os/log_format.hpp"
#include "tests/os/environment.hpp"

using namespace mjwatchd::os;

namespace {
const std::chrono::system_clock::time_point kWhen{std::chrono::milliseconds(1764000000123)};
}

TEST_CASE("a text line has its time, its level and its words") {
  CHECK(text_line(kWhen, spdlog::level::info, "watching") == "2025-11-24T16:00:00.123Z info watching\n");
  CHECK(text_line(kWhen, spdlog::level::warn, "héllo") == "2025-11-24T16:00:00.123Z warn héllo\n");
}

TEST_CASE("what is logged can't begin a line or command a terminal") {
  const std::string line = text_line(kWhen, spdlog::level::info, "a\nb\r\x1b[2J\x7f\xc2\x9b\xff");
  CHECK(line == "2025-11-24T16:00:00.123Z info a\\x0ab\\x0d\\x1b[2J\\x7f\\u009b\\xff\n");
}

TEST_CASE("a JSON line stays JSON whatever is logged") {
  CHECK(json_line(kWhen, spdlog::level::err, "say \"x\\\"\n\xff") ==
        "{\"time\":\"2025-11-24T16:00:00.123Z\",\"level\":\"error\",\"message\":\"say "
        "\\\"x\\\\\\\"\\u000a\xef\xbf\xbd\"}\n");
}

TEST_CASE("a journal datagram holds exactly its three fields") {
  CHECK(journal_datagram("mjwatchd", spdlog::level::warn, "a\nPRIORITY=0") ==
        "MESSAGE=a\\x0aPRIORITY=0\nPRIORITY=4\nSYSLOG_IDENTIFIER=mjwatchd\n");
  CHECK(prefixed_line(spdlog::level::err, "x") == "<3>x\n");
}

TEST_CASE("a line says what it is about, in each format") {
  const About about{.task = "171", .gateway = "gw", .endpoint = {}, .delivery = "9"};
  CHECK(journal_datagram("mjwatchd", spdlog::level::info, "x", about) ==
        "MESSAGE=x\nPRIORITY=6\nSYSLOG_IDENTIFIER=mjwatchd\nTASK_ID=171\nGATEWAY=gw\nDELIVERY_ID=9\n");
  CHECK(json_line(kWhen, spdlog::level::info, "x", about) ==
        "{\"time\":\"2025-11-24T16:00:00.123Z\",\"level\":\"info\",\"message\":\"x\",\"task_id\":\"171\","
        "\"gateway\":\"gw\",\"delivery_id\":\"9\"}\n");
  CHECK(text_line(kWhen, spdlog::level::info, "171 ended", about) ==
        "2025-11-24T16:00:00.123Z info 171 ended gateway=gw delivery=9\n");
}

TEST_CASE("what a line is about can't begin a field of its own either") {
  const About about{.endpoint = "a\nPRIORITY=0"};
  CHECK(journal_datagram("d", spdlog::level::info, "x", about) ==
        "MESSAGE=x\nPRIORITY=6\nSYSLOG_IDENTIFIER=d\nENDPOINT=a\\x0aPRIORITY=0\n");
}

TEST_CASE("URLs are logged without what may be secret in them") {
  CHECK(without_secrets("GET https://me:secret@host:8/a/b?key=secret#x failed") == "GET https://host:8/a/b?… failed");
  CHECK(without_secrets("(http://h?token=1), \"https://u@h\" and ftp://h/p@q") ==
        "(http://h?…), \"https://h\" and ftp://h/p@q");
  CHECK(without_secrets("https://a:b@c@host/") == "https://host/");
  CHECK(without_secrets("no address, a ? and an @ at all") == "no address, a ? and an @ at all");
}

TEST_CASE("an endless message is cut") {
  CHECK(text_line(kWhen, spdlog::level::info, std::string(1U << 20, 'x')).size() < (40U << 10));
}

TEST_CASE("the journal is recognised by the device and inode of stderr") {
  struct stat info {};
  REQUIRE(fstat(STDERR_FILENO, &info) == 0);
  const std::string ours = std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino);
  {
    const Variable stream("JOURNAL_STREAM", ours.c_str());
    CHECK(stderr_is_journal());
  }
  {
    const Variable stream("JOURNAL_STREAM", "1:2");
    CHECK_FALSE(stderr_is_journal());
  }
  const Variable stream("JOURNAL_STREAM", nullptr);
  CHECK_FALSE(stderr_is_journal());
}

TEST_CASE("unknown levels and formats are refused, known ones take force") {
  CHECK_THROWS_AS(set_up_log("loud", "text"), std::invalid_argument);
  CHECK_THROWS_AS(set_up_log("info", "xml"), std::invalid_argument);
  for (const char* format : {"auto", "text", "json"}) CHECK_NOTHROW(set_up_log("off", format));
  set_log_level("error");
  CHECK(spdlog::get_level() == spdlog::level::err);
}
