// The page over TCP: its files, sessions, and what other pages may not do.
#include <doctest/doctest.h>

#include "daemon/page/files.hpp"
#include "tests/control/running_control.hpp"

using namespace mjwatchd;
using namespace mjwatchd::control;
using namespace mjwatchd::control::test;

namespace {

/// A browser that shows the page.
class Browser {
 public:
  explicit Browser(RunningControl& control) : control_(control) {}

  Reply ask(const std::string& method, const std::string& target, const std::string& body = "",
            std::vector<std::string> headers = {}) {
    RawClient client(control_.server().port());
    std::string text = method + " " + target + " HTTP/1.1\r\nHost: " + host() + "\r\n";
    if (!cookie.empty()) headers.push_back("Cookie: other=1; " + cookie + "; more=2");
    if (!proof.empty()) headers.push_back("x-mjwatchd-proof: " + proof);
    if (method != "GET") {
      headers.push_back("Content-Length: " + std::to_string(body.size()));
      if (send_origin) headers.push_back("Origin: " + origin());
    }
    for (const auto& line : headers) text += line + "\r\n";
    client.send(text + "\r\n" + body);
    return client.read();
  }
  Reply get(const std::string& target, const std::vector<std::string>& headers = {}) {
    return ask("GET", target, "", headers);
  }
  /// Signs in and keeps what the page would.
  Reply sign_in(const std::string& body) {
    auto reply = ask("POST", "/v1/page/session", body);
    if (const auto set = reply.headers.find("set-cookie"); set != reply.headers.end()) {
      cookie = set->second.substr(0, set->second.find(';'));
      proof = at(reply, "proof");
    }
    return reply;
  }
  [[nodiscard]] std::string host() const { return "127.0.0.1:" + std::to_string(control_.server().port()); }
  [[nodiscard]] std::string origin() const { return "http://" + host(); }

  std::string cookie, proof;
  bool send_origin = true;

 private:
  RunningControl& control_;
};

std::string link_of(RunningControl& control) {
  const auto url = at(control.post("/v1/page/links"), "url");
  return url.substr(url.find("#link=") + 6);
}

const std::string kByToken = R"({"token":"s3cret-token"})";

}  // namespace

TEST_CASE("the page's files need no session, and keep to a strict policy") {
  RunningControl control(tcp_options());
  Browser browser(control);
  for (const auto& file : page::files()) {
    const auto reply = browser.get("/page/" + std::string(file.name));
    CAPTURE(file.name);
    CHECK(reply.status == 200);
    CHECK(reply.body == file.body);
    CHECK(reply.headers.at("content-security-policy") == page::kPolicy);
    CHECK(reply.headers.at("x-content-type-options") == "nosniff");
    CHECK(reply.headers.at("cross-origin-resource-policy") == "same-origin");
    const auto again = browser.get("/page/" + std::string(file.name), {"If-None-Match: " + std::string(file.etag)});
    CHECK(again.status == 304);
    CHECK(again.body.empty());
  }
  CHECK(browser.get("/").body == page::find_file("index.html")->body);
  CHECK(is_problem(browser.get("/page/nothing.js"), 401));
  CHECK(is_problem(browser.ask("POST", "/"), 401));
}

TEST_CASE("the page's files come small to those who take them so") {
  RunningControl control(tcp_options());
  Browser browser(control);
  const auto whole = browser.get("/page/style.css");
  CHECK(whole.headers.at("vary") == "accept-encoding");
  CHECK_FALSE(whole.headers.contains("content-encoding"));
  const auto small = browser.get("/page/style.css", {"Accept-Encoding: br, gzip, deflate"});
  CHECK(small.headers.at("content-encoding") == "gzip");
  CHECK(small.body == page::gzipped(*page::find_file("style.css")));
  CHECK(small.body.size() < whole.body.size() / 2);
  CHECK_FALSE(browser.get("/page/style.css", {"Accept-Encoding: gzip;q=0"}).headers.contains("content-encoding"));
  CHECK(browser.get("/page/style.css", {"If-None-Match: " + whole.headers.at("etag")}).status == 304);
}

TEST_CASE("the page is for TCP only") {
  RunningControl control(tcp_options());
  CHECK(is_problem(control.get("/"), 404));
  CHECK(is_problem(control.get("/page/main.js"), 404));
  CHECK(is_problem(control.post("/v1/page/session", kByToken), 409, "Over the Unix socket nobody signs in"));
}

TEST_CASE("a name that was made to lead here gets not even the page's files") {
  RunningControl control(tcp_options());
  RawClient client(control.server().port());
  client.send("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  CHECK(is_problem(client.read(), 421));
}

TEST_CASE("the token opens a session that no script can see and no other page can use") {
  RunningControl control(tcp_options());
  Browser browser(control);
  CHECK(is_problem(browser.get("/v1/status"), 401));
  const auto reply = browser.sign_in(kByToken);
  CHECK(reply.status == 200);
  const auto set = reply.headers.at("set-cookie");
  CHECK(set.starts_with("mjwatchd_" + std::to_string(control.server().port()) + "="));
  for (const char* part : {"; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=604800"}) {
    CHECK_MESSAGE(set.find(part) != std::string::npos, part);
  }
  CHECK(set.find("Secure") == std::string::npos);
  CHECK(browser.get("/v1/status").status == 200);
  CHECK(browser.ask("PUT", "/v1/tasks/t1", "{}").status == 201);
}

TEST_CASE("behind TLS the session is for TLS only") {
  RunningControl control(tcp_options());
  Browser browser(control);
  browser.send_origin = false;
  const auto reply = browser.ask("POST", "/v1/page/session", kByToken, {"Origin: https://" + browser.host()});
  CHECK(reply.headers.at("set-cookie").ends_with("; Secure"));
}

TEST_CASE("a link opens one session, once") {
  RunningControl control(tcp_options());
  Browser browser(control), other(control);
  const auto made = control.post("/v1/page/links");
  CHECK(made.status == 201);
  CHECK(at(made, "url").starts_with(browser.origin() + "/#link="));
  CHECK(at(made, "expires_at") == "2026-11-23T13:13:00.123Z");
  const auto link = at(made, "url").substr(at(made, "url").find('=') + 1);
  CHECK(browser.sign_in(R"({"link":")" + link + "\"}").status == 200);
  CHECK(is_problem(other.sign_in(R"({"link":")" + link + "\"}"), 401, "mjwatch page"));
  CHECK(browser.get("/v1/status").status == 200);
  CHECK(is_problem(other.get("/v1/status"), 401));
}

TEST_CASE("links are made over the Unix socket only, and when the page is served at all") {
  RunningControl control(tcp_options());
  Browser browser(control);
  browser.sign_in(R"({"link":")" + link_of(control) + "\"}");
  CHECK(is_problem(browser.ask("POST", "/v1/page/links"), 403, "mjwatch page"));
  RunningControl without;
  CHECK(is_problem(without.post("/v1/page/links"), 409, "control.listen"));
}

TEST_CASE("who signs out is out") {
  RunningControl control(tcp_options());
  Browser browser(control);
  browser.sign_in(kByToken);
  const auto reply = browser.ask("DELETE", "/v1/page/session");
  CHECK(reply.status == 204);
  CHECK(reply.headers.at("set-cookie").find("Max-Age=0") != std::string::npos);
  CHECK(is_problem(browser.get("/v1/status"), 401));
}

TEST_CASE("signing in badly says what is wrong, and tells nothing") {
  RunningControl control(tcp_options());
  Browser browser(control);
  CHECK(is_problem(browser.sign_in(R"({"token":"wrong"})"), 401, "is not that of control.token_file"));
  CHECK(is_problem(browser.sign_in(R"({"link":"00"})"), 401, "used already"));
  for (const char* body : {"{}", "[]", R"({"token":7})", R"({"token":"a","link":"b"})", R"({"tokn":"a"})"}) {
    CHECK_MESSAGE(is_problem(browser.sign_in(body), 400), body);
  }
  CHECK(is_problem(browser.sign_in("{\"token\":\"" + std::string(10'000, 'x') + "\"}"), 413));
  CHECK(browser.cookie.empty());
}

TEST_CASE("no other page can use a session, whatever it sends") {
  RunningControl control(tcp_options());
  Browser browser(control);
  browser.sign_in(kByToken);
  browser.send_origin = false;
  const std::vector<std::vector<std::string>> foreign{
      {"Origin: https://evil.example"},
      {"Origin: null"},
      {"Origin: http://127.0.0.1:1"},
      {"Origin: http://" + browser.host() + ".evil.example"},
      {"Origin: ftp://" + browser.host()},
      {"Sec-Fetch-Site: cross-site"},
      {"Sec-Fetch-Site: same-site"},  // another port of this machine
      {"Origin: " + browser.origin(), "Sec-Fetch-Site: cross-site"},
  };
  for (const auto& headers : foreign) {
    CAPTURE(headers.front());
    CHECK(is_problem(browser.ask("PUT", "/v1/tasks/t1", "{}", headers), 403));
    CHECK(is_problem(browser.ask("POST", "/v1/page/session", kByToken, headers), 403));
    CHECK(is_problem(browser.ask("GET", "/v1/tasks", "", headers), 403));
  }
  CHECK(is_problem(browser.ask("PUT", "/v1/tasks/t1", "{}"), 403, "needs the Origin header"));
  CHECK_FALSE(control.on_loop([&] { return control.desk.has({"octopusx", "t1"}); }));
  CHECK(browser.get("/v1/tasks", {"Sec-Fetch-Site: same-origin"}).status == 200);
}

TEST_CASE("the cookie alone, which other ports' pages may be shown, sees pictures only") {
  RunningControl control(tcp_options());
  Browser browser(control), other(control);
  browser.sign_in(kByToken);
  other.sign_in(kByToken);
  for (const std::string& proof : {std::string(), std::string("0"), other.proof}) {
    browser.proof = proof;
    for (const char* target : {"/v1/status", "/v1/tasks", "/v1/tasks/t1", "/v1/events", "/metrics"}) {
      CHECK_MESSAGE(is_problem(browser.get(target), 401, "sign in again"), target);
    }
    CHECK(is_problem(browser.ask("PUT", "/v1/tasks/image", "{}"), 401));
    CHECK(is_problem(browser.ask("POST", "/v1/tasks/t1/images/0"), 401));
    for (const char* target : {"/v1/tasks/t1/image", "/v1/tasks/t1/images/0", "/v1/tasks/t1/images/0/thumbnail"}) {
      CHECK_MESSAGE(is_problem(browser.get(target), 404), target);
    }
  }
}

TEST_CASE("a session of another port's daemon is none") {
  RunningControl control(tcp_options());
  Browser browser(control);
  browser.sign_in(kByToken);
  const auto value = browser.cookie.substr(browser.cookie.find('='));
  browser.cookie = "mjwatchd_1" + value;
  CHECK(is_problem(browser.get("/v1/status"), 401));
}

TEST_CASE("a program's token is judged as ever, session or not") {
  RunningControl control(tcp_options());
  Browser browser(control);
  CHECK(browser.get("/v1/status", {"Authorization: Bearer s3cret-token"}).status == 200);
  browser.sign_in(kByToken);
  CHECK(is_problem(browser.get("/v1/status", {"Authorization: Bearer wrong"}), 401));
}
