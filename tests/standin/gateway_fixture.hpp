// The stand-in gateway on a thread of its own, and calls to it by libcurl, with a clock that the test moves.
#pragma once

#include <curl/curl.h>
#include <doctest/doctest.h>
#include <rapidjson/document.h>

#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "daemon/standin/gateway_server.hpp"

namespace mjwatchd::standin::test {

struct Got {
  CURLcode result = CURLE_OK;
  long status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
};

inline std::size_t keep_body(char* bytes, std::size_t, std::size_t size, void* to) {
  static_cast<std::string*>(to)->append(bytes, size);
  return size;
}

inline std::size_t keep_header(char* bytes, std::size_t, std::size_t size, void* to) {
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

inline rapidjson::Document json(const std::string& text) {
  rapidjson::Document document;
  document.Parse(text.data(), text.size());
  if (document.HasParseError()) throw std::runtime_error("not JSON: " + text);
  return document;
}

inline std::string member(const rapidjson::Value& object, const char* key) {
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

}  // namespace mjwatchd::standin::test
