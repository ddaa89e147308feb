// What clients meet when the stand-in gateway was told to misbehave.
#include "tests/standin/gateway_fixture.hpp"

using namespace mjwatchd::standin;
using namespace mjwatchd::standin::test;

TEST_CASE("misbehaviour: replies refused") {
  Gateway gateway;
  const auto id = gateway.finished_task();
  struct Refusal {
    const char* vice;
    long status;
    const char* type;
  };
  for (const auto& [vice, status, type] :
       {Refusal{"401", 401, "application/json"}, Refusal{"403", 403, "text/html"},
        Refusal{"429", 429, "application/json"}, Refusal{"500", 500, "application/json"},
        Refusal{"502", 502, "text/html"}, Refusal{"html", 200, "text/html"}}) {
    CAPTURE(std::string(vice));
    gateway.misbehave(vice);
    for (const auto& got :
         {gateway.get("/mj/task/" + id + "/fetch"), gateway.list({id}), gateway.get("/mj/image/" + id)}) {
      CHECK(got.status == status);
      CHECK(got.headers.at("content-type").starts_with(type));
      CHECK(got.headers.contains("retry-after") == (status == 429));
      if (std::string(type) == "text/html") CHECK(got.body.starts_with("<!DOCTYPE html>"));
    }
  }
  gateway.misbehave("");
  CHECK(member(gateway.fetch(id), "status") == "SUCCESS");
  gateway.misbehave("500:0");
  CHECK(gateway.list({id}).status == 200);
}

TEST_CASE("misbehaviour: replies in other shapes") {
  Gateway gateway;
  const auto id = gateway.task(R"("id":"1712158011464906","duration":"20s")");
  gateway.pass(milliseconds(10000));
  gateway.misbehave("wrapped");
  CHECK(json(gateway.list({id}).body)["data"].IsArray());
  CHECK(member(json(gateway.get("/mj/task/" + id + "/fetch").body)["data"], "id") == id);
  gateway.misbehave("numbers,lower,no-progress,strings");
  auto task = gateway.fetch(id);
  CHECK(task["id"].IsInt64());
  CHECK(member(task, "status") == "in_progress");
  CHECK(member(task, "progress").empty());
  CHECK(json(member(task, "properties")).IsObject());
  CHECK(json(member(task, "buttons")).IsArray());
  gateway.misbehave("");
  const auto exact = gateway.fetch(id)["submitTime"].GetInt64();
  gateway.misbehave("seconds");
  CHECK(gateway.fetch(id)["submitTime"].GetInt64() == exact / 1000);
}

TEST_CASE("misbehaviour: tasks left out, lost, poisonous, or not listed at all") {
  Gateway gateway;
  const auto a = gateway.task(), b = gateway.task();
  gateway.misbehave("absent");
  CHECK(gateway.list({a, b}).body == "[]");
  CHECK(member(gateway.fetch(a), "id") == a);  // it is only the list that leaves it out
  gateway.misbehave("lose:" + a);
  CHECK(json(gateway.list({a, b}).body).Size() == 1);
  CHECK(gateway.get("/mj/task/" + a + "/fetch").status == 400);
  CHECK(gateway.get("/mj/task/" + b + "/fetch").status == 200);
  gateway.misbehave("poison:" + b);
  CHECK(gateway.list({a, b}).status == 400);
  CHECK(gateway.list({a}).status == 200);
  gateway.misbehave("nobatch");
  CHECK(gateway.list({a}).status == 404);
  CHECK(gateway.get("/mj/task/" + a + "/fetch").status == 200);
}

TEST_CASE("misbehaviour: slow and silent replies") {
  Gateway gateway;
  const auto id = gateway.task();
  const auto begun = std::chrono::steady_clock::now();
  gateway.misbehave("slow:100ms");
  CHECK(gateway.get("/mj/task/" + id + "/fetch").status == 200);
  CHECK(std::chrono::steady_clock::now() - begun >= milliseconds(100));
  gateway.misbehave("hang");
  const auto got = Call{gateway.url + "/mj/task/" + id + "/fetch", {}, {}, false, 200}.run();
  CHECK(got.result == CURLE_OPERATION_TIMEDOUT);
  CHECK(got.status == 0);
  gateway.misbehave("");
  CHECK(gateway.get("/mj/task/" + id + "/fetch").status == 200);
}

TEST_CASE("misbehaviour: pictures cut short, expired, or not there") {
  Gateway gateway;
  const auto id = gateway.finished_task();
  const auto link = member(gateway.fetch(id), "imageUrl");
  const auto whole = Call{link, {}, {}}.run().body;
  gateway.misbehave("cut");
  const auto cut = Call{link, {}, {}}.run();
  CHECK(cut.result == CURLE_OK);  // nothing in the head tells
  CHECK(cut.status == 200);
  CHECK(cut.body.size() < whole.size());
  CHECK(whole.starts_with(cut.body));
  CHECK(cut.headers.at("connection") == "close");
  gateway.misbehave("nocdn");
  CHECK(Call{link, {}, {}}.run().status == 404);
  CHECK(gateway.get("/mj/image/" + id).body == whole);
  gateway.misbehave("expired");
  CHECK(Call{member(gateway.fetch(id), "imageUrl"), {}, {}}.run().status == 403);
}

TEST_CASE("misbehaviour: tasks that stop on their way") {
  Gateway gateway;
  gateway.misbehave("modal:60s");
  const auto modal = gateway.task();
  gateway.misbehave("stall93:60s");
  const auto stalled = gateway.task();
  gateway.misbehave("");
  const auto plain = gateway.task();
  gateway.pass(milliseconds(21000));
  CHECK(member(gateway.fetch(plain), "status") == "SUCCESS");
  CHECK(member(gateway.fetch(modal), "status") == "MODAL");
  CHECK(member(gateway.fetch(stalled), "status") == "IN_PROGRESS");
  CHECK(member(gateway.fetch(stalled), "progress") == "93%");
  gateway.pass(milliseconds(60000));
  CHECK(member(gateway.fetch(modal), "status") == "SUCCESS");
  CHECK(member(gateway.fetch(stalled), "status") == "SUCCESS");
}

TEST_CASE("misbehaviour: a gateway that restarts forgets") {
  Gateway gateway;
  const auto id = gateway.task();
  gateway.misbehave("restart:50ms");
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (gateway.get("/mj/task/" + id + "/fetch").status == 200 && std::chrono::steady_clock::now() < patience)
    continue;
  CHECK(gateway.get("/mj/task/" + id + "/fetch").status == 400);
  const auto kept = gateway.task();
  CHECK(gateway.post("/_/restart", R"({"down":"30s"})").status == 200);
  CHECK(gateway.list({kept}).status == 503);
  gateway.pass(milliseconds(30000));
  CHECK(json(gateway.list({kept}).body).Size() == 1);
  CHECK(gateway.post("/_/restart", R"({"forget":true})").status == 200);
  CHECK(gateway.list({kept}).body == "[]");
}
