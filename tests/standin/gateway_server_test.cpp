// The stand-in gateway as its clients meet it: over HTTP, with a clock that the test moves.
#include "daemon/standin/gateway_server.hpp"

#include <curl/curl.h>
#include <doctest/doctest.h>
#include <rapidjson/document.h>

#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <atomic>
#include <future>
#include <stdexcept>
#include <thread>

using namespace mjwatchd::standin;

namespace {

struct Got {
  CURLcode result = CURLE_OK;
  long status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
};

std::size_t keep_body(char* bytes, std::size_t, std::size_t size, void* to) {
  static_cast<std::string*>(to)->append(bytes, size);
  return size;
}

std::size_t keep_header(char* bytes, std::size_t, std::size_t size, void* to) {
  const std::string line(bytes, size);
  const auto colon = line.find(": ");
  if (colon != std::string::npos) {
    auto& headers = *static_cast<std::map<std::string, std::string>*>(to);
    headers[line.substr(0, colon)] = line.substr(colon + 2, line.size() - colon - 4);
  }
  return size;
}

/// A call by libcurl; `post` is the body of a POST, unset for GET.
struct Call {
  std::string url;
  std::vector<std::string> headers;
  std::optional<std::string> post;
  bool head = false;
  long timeout_ms = 10000;

  [[nodiscard]] Got run() const {
    const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy(curl_easy_init(), curl_easy_cleanup);
    curl_slist* raw = nullptr;
    for (const auto& header : headers) raw = curl_slist_append(raw, header.c_str());
    const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> list(raw, curl_slist_free_all);
    Got got;
    curl_easy_setopt(easy.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy.get(), CURLOPT_PROXY, "");
    curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, list.get());
    curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, keep_body);
    curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &got.body);
    curl_easy_setopt(easy.get(), CURLOPT_HEADERFUNCTION, keep_header);
    curl_easy_setopt(easy.get(), CURLOPT_HEADERDATA, &got.headers);
    if (head) curl_easy_setopt(easy.get(), CURLOPT_NOBODY, 1L);
    if (post) {
      curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(post->size()));
      curl_easy_setopt(easy.get(), CURLOPT_COPYPOSTFIELDS, post->c_str());
    }
    got.result = curl_easy_perform(easy.get());
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &got.status);
    return got;
  }
};

rapidjson::Document json(const std::string& text) {
  rapidjson::Document document;
  document.Parse(text.data(), text.size());
  if (document.HasParseError()) throw std::runtime_error("not JSON: " + text);
  return document;
}

std::string member(const rapidjson::Value& object, const char* key) {
  const auto found = object.FindMember(key);
  if (found == object.MemberEnd() || found->value.IsNull()) return "";
  if (found->value.IsString()) return found->value.GetString();
  return found->value.IsInt64() ? std::to_string(found->value.GetInt64()) : "?";
}

/// A gateway on a thread of its own.
class Gateway {
 public:
  explicit Gateway(GatewayOptions options = {}) : work_(asio::make_work_guard(io_)) {
    options.clock = [this] { return Moment(milliseconds(now_)); };
    options.gallery.bytes = 20000;
    gateway_ = std::make_unique<GatewayServer>(io_, std::move(options));
    gateway_->start();
    url = gateway_->base_url();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Gateway() {
    on_loop([this] { gateway_.reset(); });
    work_.reset();
    thread_.join();
  }
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  void on_loop(const std::function<void()>& work) {
    std::promise<void> done;
    asio::post(io_, [&] {
      work();
      done.set_value();
    });
    done.get_future().get();
  }
  void pass(milliseconds time) { now_ += time.count(); }
  void misbehave(const std::string& list) {
    on_loop([&] { gateway_->misbehave(list); });
  }

  [[nodiscard]] Got get(const std::string& path) const { return Call{url + path, {}, {}}.run(); }
  [[nodiscard]] Got post(const std::string& path, const std::string& body) const {
    return Call{url + path, {"content-type: application/json"}, body}.run();
  }
  /// A task that takes 20 s; its id.
  std::string task(const std::string& more = R"("duration":"20s")") const {
    const auto got = post("/_/task", "{" + more + "}");
    if (got.status != 200) throw std::runtime_error(got.body);
    return member(json(got.body), "id");
  }
  std::string finished_task() {
    auto id = task();
    pass(milliseconds(21000));
    return id;
  }
  [[nodiscard]] rapidjson::Document fetch(const std::string& id) const {
    return json(get("/mj/task/" + id + "/fetch").body);
  }
  [[nodiscard]] Got list(const std::vector<std::string>& ids) const {
    std::string body;
    for (const auto& id : ids) body += (body.empty() ? "\"" : ",\"") + id + "\"";
    return post("/mj/task/list-by-condition", R"({"ids":[)" + body + "]}");
  }
  std::string url;

 private:
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::atomic<std::int64_t> now_ = 1'790'000'000'000;
  std::unique_ptr<GatewayServer> gateway_;
  std::thread thread_;
};

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

TEST_CASE("a bad address is an error that names it") {
  asio::io_context io;
  GatewayOptions options;
  options.host = "not an address";
  GatewayServer gateway(io, options);
  CHECK_THROWS_WITH_AS(gateway.start(), doctest::Contains("not an address"), std::system_error);
}
