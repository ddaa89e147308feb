// Many tasks at once.
#include <doctest/doctest.h>

#include "tests/control/running_control.hpp"

using namespace mjwatchd;
using namespace mjwatchd::control;
using namespace mjwatchd::control::test;

namespace {

const std::vector<std::string> kLines{"Content-Type: application/x-ndjson"};

Reply post_lines(RunningControl& control, const std::string& lines) {
  return control.call("POST", "/v1/tasks", lines, kLines);
}

std::string id_line(int number) { return R"({"id":"t)" + std::to_string(number) + "\"}\n"; }

}  // namespace

TEST_CASE("ids are registered together; what is not taken is named with its reason") {
  RunningControl control;
  control.put("old", R"({"save":"none"})");
  control.put("differs", R"({"save":"all"})");
  const auto reply = control.post("/v1/tasks", R"({"ids":["new","old","differs","a/b",""],"save":"none"})");
  CHECK(reply.status == 200);
  CHECK(at(reply, "accepted") == "1");
  CHECK(at(reply, "existing") == "1");
  CHECK(reply.body.find(R"({"id":"a/b","reason":"\"a/b\" is no id)") != std::string::npos);
  CHECK(reply.body.find(R"({"id":"differs","reason":"registered already, and asked for differently: save differs"})") !=
        std::string::npos);
  CHECK(at(reply, "rejected.3") == "-");
  CHECK(at(control.get("/v1/tasks/new"), "id") == "new");
}

TEST_CASE("a bad key refuses the whole request, and nothing is registered") {
  RunningControl control;
  CHECK(is_problem(control.post("/v1/tasks", R"({"ids":["a"],"sav":"all"})"), 400, "did you mean save?"));
  CHECK(is_problem(control.post("/v1/tasks", R"({"save":"all"})"), 400, "ids: is missing"));
  CHECK(is_problem(control.post("/v1/tasks"), 400, "ids: is missing"));
  CHECK(is_problem(control.post("/v1/tasks", R"(["a"])"), 400, "must be a JSON object"));
  CHECK(control.on_loop([&] { return control.desk.count(); }) == 0);
  CHECK(at(control.post("/v1/tasks", R"({"ids":[]})"), "accepted") == "0");
}

TEST_CASE("a stream has a registration a line, each its own") {
  RunningControl control;
  const auto reply = post_lines(control,
                                "{\"id\":\"a\",\"save\":\"none\"}\n\r\n  \n{\"id\":\"b\",\"gateway\":\"second\"}\r\n"
                                "{\"id\":\"c\"");  // the last one is cut off
  CHECK(at(reply, "accepted") == "2");
  CHECK(at(reply, "rejected.0.line") == "5");
  CHECK(at(reply, "rejected.0.id") == "null");
  CHECK(at(reply, "rejected.0.reason").starts_with("not JSON: column "));
  CHECK(at(control.get("/v1/tasks/b"), "gateway") == "second");
  CHECK(at(post_lines(control, "{\"id\":\"z\"}"), "accepted") == "1");  // a last line needs no end
  CHECK(at(post_lines(control, ""), "accepted") == "0");
}

TEST_CASE("bad lines of a stream are rejected one by one") {
  RunningControl control;
  const auto reply =
      post_lines(control, "nonsense\n{\"id\":\"a/b\"}\n{\"id\":\"ok\"}\n[]\n{\"id\":\"k\",\"x\":1}\n{}\n");
  CHECK(at(reply, "accepted") == "1");
  CHECK(at(reply, "rejected.0.line") == "1");
  CHECK(at(reply, "rejected.1.id") == "a/b");
  CHECK(at(reply, "rejected.2.line") == "4");
  CHECK(at(reply, "rejected.3.reason").find("\"x\" is not a known key") != std::string::npos);
  CHECK(at(reply, "rejected.4.reason") == "id: is missing");
  const auto long_line =
      post_lines(control, "{\"id\":\"l\",\"metadata\":\"" + std::string(300000, 'x') + "\"}\n" + id_line(1));
  CHECK(at(long_line, "accepted") == "1");
  CHECK(at(long_line, "rejected.0.reason") == "the line is longer than 256 KiB");
}

TEST_CASE("a stream is worked on while it comes, with a bounded number under way") {
  RunningControl control;
  control.desk.hold_changes = true;
  RawClient client(control.path());
  std::string lines;
  for (int i = 0; i < 3000; ++i) lines += id_line(i);
  client.send("POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: " +
              std::to_string(lines.size() + 1000) + "\r\n\r\n" + lines);
  control.until([&] { return control.desk.in_flight == 2000; });
  control.on_loop([&] { control.desk.release(); });
  control.until([&] { return control.desk.count() == 3000; });  // though the body has not ended
  client.send(std::string(1000, '\n'));
  const auto reply = client.read();
  CHECK(at(reply, "accepted") == "3000");
  CHECK(control.on_loop([&] { return control.desk.most_in_flight; }) == 2000);
}

TEST_CASE("ids in one body are bounded under way as well") {
  RunningControl control;
  std::string body = R"({"ids":["x")";
  for (int i = 0; i < 5000; ++i) body += ",\"t" + std::to_string(i) + "\"";
  const auto reply = control.post("/v1/tasks", body + "]}");
  CHECK(at(reply, "accepted") == "5001");
  CHECK(control.on_loop([&] { return control.desk.most_in_flight; }) == 2000);
}

TEST_CASE("a stream waits while the store has no room") {
  RunningControl control;
  control.desk.hold_changes = true;
  RawClient client(control.path());
  client.send("POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: 25\r\n\r\n" +
              id_line(1));
  client.send("\n" + id_line(2).substr(0, 11));
  control.until([&] { return control.desk.in_flight == 1; });
  control.on_loop([&] {
    control.desk.closed_reason = "too many changes are waiting for the disk";
    control.desk.release();
  });
  client.send("\n");
  control.until([&] { return control.desk.in_flight == 0; });
  CHECK(control.on_loop([&] { return control.desk.count(); }) == 1);
  control.on_loop([&] { control.desk.closed_reason.clear(); });
  CHECK(at(client.read(), "accepted") == "2");
}

TEST_CASE("what the store fails to take is rejected with its words") {
  RunningControl control;
  CommitResult failed;
  failed.detail = "disk I/O error";
  control.desk.next_result = failed;
  const auto reply = post_lines(control, id_line(1));
  CHECK(at(reply, "rejected.0.reason") == "it could not be stored: disk I/O error");
  failed.code = CommitResult::Code::full;
  failed.detail.clear();
  control.on_loop([&] { control.desk.next_result = failed; });
  CHECK(at(post_lines(control, id_line(1)), "rejected.0.reason").find("store_max_size") != std::string::npos);
}

TEST_CASE("a stream that breaks off keeps what was committed, and holds nothing up") {
  RunningControl control;
  for (int round = 0; round < 6; ++round) {  // more than may be open at once
    RawClient client(control.path());
    client.send(
        "POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: 1000\r\n\r\n" +
        id_line(round) + "{\"id\":\"half");
    control.until([&] { return control.desk.count() == static_cast<std::size_t>(round) + 1; });
    client.close();
    control.until([&] { return control.server().connections() == 0; });
  }
  CHECK(at(post_lines(control, id_line(99)), "accepted") == "1");
}

TEST_CASE("only a few streams are read at once") {
  RunningControl control;
  std::vector<std::unique_ptr<RawClient>> open;
  for (int i = 0; i < 4; ++i) {
    open.push_back(std::make_unique<RawClient>(control.path()));
    open.back()->send(
        "POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: 100\r\n\r\n" +
        id_line(i));
  }
  control.until([&] { return control.desk.count() == 4; });
  CHECK(is_problem(post_lines(control, id_line(9)), 503, "four streams"));
}

TEST_CASE("a large stream goes through, larger than any other body may be") {
  RunningControl control;
  std::string lines;
  const std::string padding(2000, ' ');
  int count = 0;
  while (lines.size() < (3U << 20)) lines += padding + id_line(count++);
  CHECK(at(post_lines(control, lines), "accepted") == std::to_string(count));
  RawClient client(control.path());
  client.send(
      "POST /v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: 67108865\r\n\r\n");
  CHECK(is_problem(client.read(), 413));
}
