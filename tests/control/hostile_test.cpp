// What nobody should send: each gets a problem that says what is wrong.
#include <doctest/doctest.h>

#include <random>

#include "tests/control/running_control.hpp"

using namespace mjwatchd;
using namespace mjwatchd::control;
using namespace mjwatchd::control::test;

TEST_CASE("paths and methods that do not exist") {
  RunningControl control;
  CHECK(is_problem(control.get("/"), 404, "There is no \"/\""));
  CHECK(is_problem(control.get("/v1/task"), 404, "did you mean /v1/tasks?"));
  CHECK(is_problem(control.get("/v1/tasks/t1/pictures"), 404));
  CHECK(is_problem(control.get("/v1//tasks"), 404));
  const auto reply = control.call("PATCH", "/v1/tasks/t1");
  CHECK(is_problem(reply, 405, "there is PUT, GET, HEAD, DELETE"));
  CHECK(reply.headers.at("allow") == "PUT, GET, HEAD, DELETE");
  CHECK(is_problem(control.call("DELETE", "/v1/status"), 405));
  CHECK(is_problem(control.call("OPTIONS", "/v1/events"), 405));
}

TEST_CASE("ids with slashes, control characters, dots, nothing, or far too much") {
  RunningControl control;
  for (const char* id : {"a%2Fb", "a%0Ab", "%2E", "%2e%2E", "a%20b", "%C3%A4", "%FF", "a%7Fb", "a+b", ""}) {
    CHECK(is_problem(control.put(id), 400, "a task's id is 1 to 128 of"));
    CHECK(is_problem(control.get(std::string("/v1/tasks/") + id), 400, "a task's id is 1 to 128 of"));
    CHECK(is_problem(control.get(std::string("/v1/tasks/") + id + "?wait=1s"), 400));
    CHECK(is_problem(control.call("DELETE", std::string("/v1/tasks/") + id), 400));
  }
  const auto long_one = control.put(std::string(10000, 'x'));
  CHECK(is_problem(long_one, 400, "10000 bytes long"));
  CHECK(long_one.body.size() < 500);
  CHECK(control.put("a%2Db").status == 201);  // an encoded character that is allowed
  CHECK(control.get("/v1/tasks/a-b").status == 200);
  CHECK(control.on_loop([&] { return control.desk.count(); }) == 1);
}

TEST_CASE("bodies that are not JSON say where") {
  RunningControl control;
  CHECK(is_problem(control.put("t1", "hello"), 400, "The body is not JSON: line 1, column 1"));
  CHECK(is_problem(control.put("t1", "{\"metadata\":{\n\"a\":1,}}"), 400, "line 2, column "));
  CHECK(is_problem(control.put("t1", R"({"metadata":{"a":1)"), 400, "The body is not JSON"));
  CHECK(is_problem(control.put("t1", R"({"save":"none","save":"all"})"), 400, "\"save\" stands twice"));
  CHECK(is_problem(control.put("t1", R"({"metadata":{"k":1,"k":1}})"), 400, "\"k\" stands twice"));
  CHECK(is_problem(control.put("t1", R"({"metadata":)" + std::string(5000, '[')), 400, "64 levels"));
  CHECK(is_problem(control.put("t1", "{\"metadata\":\"\xFF\"}"), 400, "not JSON"));
  CHECK(is_problem(control.put("t1", std::string("{\"metadata\":\"\0\"}", 16)), 400, "not JSON"));
  CHECK(is_problem(control.put("t1", R"("text")"), 400, "must be a JSON object"));
  CHECK(control.put("t1", " \r\n ").status == 201);
}

TEST_CASE("bodies that are too large") {
  RunningControl control;
  const std::string large = R"({"metadata":")" + std::string(1U << 20, 'x') + "\"}";
  CHECK(is_problem(control.put("t1", large), 413));
  CHECK(is_problem(control.put("t1", R"({"metadata":")" + std::string(20000, 'x') + "\"}"), 400, "16 KiB"));
  RawClient chunked(control.path());
  chunked.send("PUT /v1/tasks/t1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string piece = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  for (int i = 0; i < 16; ++i) chunked.send(piece);
  chunked.send_some(piece);
  CHECK(is_problem(chunked.read(), 413));
}

TEST_CASE("a body that is cut off registers nothing") {
  RunningControl control;
  {
    RawClient client(control.path());
    client.send("PUT /v1/tasks/t1 HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"save\":");
    client.end_sending();
    CHECK(client.read_to_end().find(" 201 ") == std::string::npos);
  }
  CHECK(control.on_loop([&] { return control.desk.changes.empty(); }));
}

TEST_CASE("random bodies and targets never break the server") {
  RunningControl control;
  std::mt19937_64 dice(7);
  const auto roll = [&](std::size_t sides) { return std::uniform_int_distribution<std::size_t>(0, sides - 1)(dice); };
  const std::vector<std::string> targets{"/v1/tasks/t1",
                                         "/v1/tasks",
                                         "/v1/tasks/t1/webhooks",
                                         "/v1/deliveries/replay",
                                         "/v1/deliveries/1/replay",
                                         "/v1/endpoints/app/disable"};
  const std::string seed =
      R"({"ids":["a"],"webhooks":["app"],"state":"dead","since":"2h","reason":"x","metadata":[1,{"a":null}]})";
  RawClient client(control.path());
  for (int i = 0; i < 1500; ++i) {
    auto body = seed;
    for (auto changes = 1 + roll(6); changes > 0; --changes) body[roll(body.size())] = static_cast<char>(roll(256));
    if (roll(3) == 0) body.resize(roll(body.size()));
    auto target = targets[roll(targets.size())];
    if (roll(4) == 0)
      target += "?" + std::string(1, static_cast<char>('a' + roll(26))) + "=%" + std::to_string(10 + roll(89));
    const std::string method = roll(5) == 0 ? "PUT" : "POST";
    const std::vector<std::string> headers{roll(4) == 0 ? "Content-Type: application/x-ndjson" : "X: y"};
    client.send(request_text(method, target, body, headers));
    const auto reply = client.read();
    CHECK(reply.status < 500);
    std::string wrong;
    CHECK(read_json(reply.body, wrong));
    if (reply.headers.contains("connection")) client = RawClient(control.path());
  }
}
