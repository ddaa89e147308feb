// The stand-in gateway as its clients meet it: over HTTP.
#include "tests/standin/gateway_fixture.hpp"

using namespace mjwatchd::standin;
using namespace mjwatchd::standin::test;

namespace {

GatewayOptions with_token(Auth auth) {
  GatewayOptions options;
  options.token = "sk-secret";
  options.auth = auth;
  return options;
}

}  // namespace

TEST_CASE("a token is asked for, in the header that was chosen, and never in both") {
  for (const auto auth : {Auth::bearer, Auth::mj_api_secret}) {
    Gateway gateway(with_token(auth));
    const std::string right = auth == Auth::bearer ? "authorization: Bearer sk-secret" : "mj-api-secret: sk-secret";
    const std::string other = auth == Auth::bearer ? "mj-api-secret: sk-secret" : "authorization: Bearer sk-secret";
    const auto id = gateway.finished_task();  // the control calls need none
    const auto status = [&](const std::vector<std::string>& headers) {
      return Call{gateway.url + "/mj/task/" + id + "/fetch", headers, {}}.run().status;
    };
    CHECK(status({}) == 401);
    CHECK(status({other}) == 401);
    CHECK(status({right + "x"}) == 401);
    CHECK(status({right, other}) == 401);
    CHECK(status({right}) == 200);
    // Pictures are a content network's: they need none, and should get none.
    const auto task = json(Call{gateway.url + "/mj/task/" + id + "/fetch", {right}, {}}.run().body);
    CHECK(Call{member(task, "imageUrl"), {}, {}}.run().status == 200);
    CHECK(member(json(gateway.get("/_/stats").body), "cdn_with_token") == "0");
    CHECK(Call{member(task, "imageUrl"), {right}, {}}.run().status == 200);
    CHECK(member(json(gateway.get("/_/stats").body), "cdn_with_token") == "1");
  }
}

TEST_CASE("a submitted task goes its way") {
  Gateway gateway;
  const auto submitted = json(gateway.post("/mj/submit/imagine", R"({"prompt":"a \"cat\""})").body);
  CHECK(submitted["code"].GetInt() == 1);
  const auto id = member(submitted, "result");
  REQUIRE_FALSE(id.empty());
  CHECK(member(gateway.fetch(id), "status") == "SUBMITTED");
  CHECK(member(gateway.fetch(id), "prompt") == "a \"cat\"");
  gateway.pass(milliseconds(4000));
  CHECK(member(gateway.fetch(id), "status") == "IN_PROGRESS");
  gateway.pass(milliseconds(600000));
  const auto task = gateway.fetch(id);
  CHECK(member(task, "status") == "SUCCESS");
  CHECK(member(task, "progress") == "100%");
  CHECK(task["imageUrls"].Size() == 4);
  CHECK(task["buttons"].IsArray());
  CHECK(json(gateway.post("/mj/submit/imagine", R"({"prompt":""})").body)["code"].GetInt() == 4);
  CHECK(gateway.post("/mj/submit/imagine", "no JSON").status == 400);
  CHECK(json(gateway.get("/_/tasks").body)["ids"].Size() == 1);
}

TEST_CASE("a list has the known ids, each once, and no others") {
  Gateway gateway;
  const auto a = gateway.task(), b = gateway.task();
  const auto reply = json(gateway.list({b, "unknown", a, b, a}).body);
  REQUIRE(reply.IsArray());
  REQUIRE(reply.Size() == 2);
  CHECK(member(reply[0], "id") == b);
  CHECK(member(reply[1], "id") == a);
  CHECK(gateway.list({"unknown"}).body == "[]");
  CHECK(gateway.list({}).body == "[]");
  const auto numbers = gateway.post("/mj/task/list-by-condition", R"({"ids":[1]})");
  CHECK(numbers.status == 200);
  CHECK(json(numbers.body)["code"].GetInt() == -1);
  CHECK(json(gateway.post("/mj/task/list-by-condition", "[").body)["code"].GetInt() == -1);
}

TEST_CASE("what is unknown is told as gateways tell it") {
  Gateway gateway;
  const auto unknown = gateway.get("/mj/task/1/fetch");
  CHECK(unknown.status == 400);
  CHECK(member(json(unknown.body), "description") == "task_no_found ");
  CHECK(gateway.get("/mj/image/1").status == 404);
  CHECK(gateway.get("/mj/task/1/image-seed").status == 404);
  CHECK(gateway.get("/mj/cdn/attachments/1/0.png").status == 404);
  CHECK(gateway.get("/other/task/1/fetch").status == 404);
  CHECK(gateway.get("/").status == 404);
  GatewayOptions options;
  options.make_up_unknown = true;
  const Gateway generous(options);
  CHECK(member(generous.fetch("1712158011464906"), "id") == "1712158011464906");
}

TEST_CASE("pictures are real, the same by link and through the gateway, and come in ranges") {
  for (const auto kind : {PictureKind::png, PictureKind::jpeg, PictureKind::webp, PictureKind::mp4}) {
    GatewayOptions options;
    options.gallery.kinds = {kind};
    Gateway gateway(options);
    const auto id = gateway.task();
    CHECK(gateway.get("/mj/image/" + id).status == 404);  // not finished
    gateway.pass(milliseconds(21000));
    const auto task = gateway.fetch(id);
    const auto whole = Call{member(task, "imageUrl"), {}, {}}.run();
    CHECK(whole.status == 200);
    CHECK(whole.headers.at("content-type") == content_type(kind));
    CHECK(whole.headers.at("content-length") == std::to_string(whole.body.size()));
    CHECK(gateway.get("/mj/image/" + id).body == whole.body);
    CHECK(Call{member(task["imageUrls"][1], "url"), {}, {}}.run().body.empty() == false);
    const auto part = Call{member(task, "imageUrl"), {"range: bytes=10-19"}, {}}.run();
    CHECK(part.status == 206);
    CHECK(part.body == whole.body.substr(10, 10));
    CHECK(part.headers.at("content-range") == "bytes 10-19/" + std::to_string(whole.body.size()));
    const auto etag = whole.headers.at("etag");
    CHECK(Call{member(task, "imageUrl"), {"range: bytes=999999999-"}, {}}.run().status == 416);
    CHECK(Call{member(task, "imageUrl"), {"if-none-match: " + etag}, {}}.run().status == 304);
    CHECK(Call{member(task, "imageUrl"), {"range: bytes=1-", "if-range: \"x\""}, {}}.run().status == 200);
    const auto head = Call{member(task, "imageUrl"), {}, {}, true}.run();
    CHECK(head.headers.at("content-length") == std::to_string(whole.body.size()));
    CHECK(head.body.empty());
  }
}

TEST_CASE("links end when they say, the gateway's own does not") {
  GatewayOptions options;
  options.link_life = milliseconds(60000);
  Gateway gateway(options);
  const auto id = gateway.finished_task();
  const auto link = member(gateway.fetch(id), "imageUrl");
  CHECK(Call{link, {}, {}}.run().status == 200);
  gateway.pass(milliseconds(60000));
  CHECK(Call{link, {}, {}}.run().status == 403);
  CHECK(gateway.get("/mj/image/" + id).status == 200);
}

TEST_CASE("a seed is told when the task has succeeded") {
  Gateway gateway;
  const auto id = gateway.task(R"("duration":"20s","seed":"4242")");
  CHECK(gateway.get("/mj/task/" + id + "/image-seed").status == 400);
  gateway.pass(milliseconds(21000));
  const auto seed = json(gateway.get("/mj/task/" + id + "/image-seed").body);
  CHECK(seed["code"].GetInt() == 1);
  CHECK(member(seed, "result") == "4242");
  gateway.misbehave("seed-late:60s");
  CHECK(json(gateway.get("/mj/task/" + id + "/image-seed").body)["code"].GetInt() == 3);
  gateway.pass(milliseconds(60000));
  CHECK(json(gateway.get("/mj/task/" + id + "/image-seed").body)["code"].GetInt() == 1);
}

TEST_CASE("tasks end as they were made to") {
  Gateway gateway;
  const auto failed = gateway.task(R"("duration":"20s","ending":"FAILURE")");
  const auto cancelled = gateway.task(R"("duration":"20s","ending":"CANCEL")");
  const auto waiting = gateway.task(R"("ending":"MODAL")");
  const auto endless = gateway.task(R"("ending":"NEVER")");
  const auto words = gateway.task(R"("duration":"20s","action":"SHORTEN")");
  const auto bare = gateway.task(R"("duration":"20s","pictures":0)");
  gateway.pass(milliseconds(7200000));
  CHECK(member(gateway.fetch(failed), "status") == "FAILURE");
  CHECK_FALSE(member(gateway.fetch(failed), "failReason").empty());
  CHECK(member(gateway.fetch(cancelled), "status") == "CANCEL");
  CHECK(member(gateway.fetch(waiting), "status") == "MODAL");
  CHECK(member(gateway.fetch(endless), "status") == "IN_PROGRESS");
  for (const auto& id : {words, bare}) {
    const auto task = gateway.fetch(id);
    CHECK(member(task, "status") == "SUCCESS");
    CHECK(member(task, "imageUrl").empty());
    CHECK(task["imageUrls"].Empty());
    CHECK(gateway.get("/mj/image/" + id).status == 404);
  }
}

TEST_CASE("control calls that make no sense are refused with a reason") {
  Gateway gateway;
  for (const auto& body : {R"({"duration":"20"})", R"({"ending":"DONE"})", R"({"pictures":65})", "[", R"({"id":5})"}) {
    CAPTURE(std::string(body));
    const auto got = gateway.post("/_/task", body);
    CHECK(got.status == 400);
    CHECK_FALSE(member(json(got.body), "error").empty());
  }
  CHECK(gateway.post("/_/misbehave", "nonsense").status == 400);
  CHECK(gateway.get("/_/nothing").status == 404);
}

TEST_CASE("a bad address is an error that names it") {
  asio::io_context io;
  GatewayOptions options;
  options.host = "not an address";
  GatewayServer gateway(io, options);
  CHECK_THROWS_WITH_AS(gateway.start(), doctest::Contains("not an address"), std::system_error);
}
