#include "tests/control/running_control.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include "daemon/control/json_text.hpp"
#include "mjwatchd/utf8.hpp"

namespace mjwatchd::control::test {
namespace {

std::string new_folder() {
  std::string path = "/tmp/mjwatchd-control-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) throw std::system_error(errno, std::generic_category(), path);
  return path;
}

/// Keeps the exchange, if a folder is named for it: a later test checks it against the API's description.
void record(const std::string& method, const std::string& target, const Reply& reply) {
  constexpr std::size_t kLongest = 200'000;
  const char* const folder = std::getenv("MJWATCHD_EXCHANGES");
  const auto type = reply.headers.find("content-type");
  const bool picture = type != reply.headers.end() && type->second.starts_with("image/");
  if (folder == nullptr || reply.body.size() > kLongest || !is_utf8(target)) return;
  std::filesystem::create_directories(folder);
  JsonText line;
  line.object().text("method", method).text("target", target).number("status", reply.status);
  line.text("type", type == reply.headers.end() ? "" : type->second).text("body", picture ? "" : reply.body);
  std::ofstream(std::string(folder) + "/control.ndjson", std::ios::app) << line.end_object().take() << "\n";
}

}  // namespace

RunningControl::RunningControl(ControlOptions options)
    : work_(asio::make_work_guard(io_)), folder_(new_folder()), desk(io_, hub) {
  if (options.socket.empty()) options.socket = path();
  server_ = std::make_unique<ControlServer>(io_, desk, hub, std::move(options));
  thread_ = std::thread([this] { io_.run(); });
}

RunningControl::~RunningControl() {
  on_loop([this] { server_.reset(); });
  work_.reset();
  io_.stop();
  thread_.join();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void RunningControl::until(const std::function<bool()>& met) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!on_loop([&] { return met(); })) {
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error("it did not happen within 10 s");
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

std::string request_text(const std::string& method, const std::string& target, const std::string& body,
                         const std::vector<std::string>& headers) {
  std::string text = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n";
  for (const auto& line : headers) text += line + "\r\n";
  if (!body.empty() || method == "POST" || method == "PUT") {
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  }
  return text + "\r\n" + body;
}

Reply RunningControl::call(const std::string& method, const std::string& target, const std::string& body,
                           const std::vector<std::string>& headers) {
  RawClient client(path());
  client.send(request_text(method, target, body, headers));
  auto reply = client.read(method == "HEAD");
  record(method, target, reply);
  return reply;
}

std::unique_ptr<RawClient> RunningControl::begin(const std::string& method, const std::string& target,
                                                 const std::vector<std::string>& headers) {
  auto client = std::make_unique<RawClient>(path());
  client->send(request_text(method, target, "", headers));
  return client;
}

Json json(const Reply& reply) {
  std::string wrong;
  auto value = read_json(reply.body, wrong);
  if (!value) throw std::runtime_error("not JSON (" + wrong + "): " + reply.body);
  return *value;
}

std::string at(const Json& value, const std::string& path) {
  const auto dot = path.find('.');
  const auto head = path.substr(0, dot);
  const Json* found = nullptr;
  if (value.is(Json::Kind::array)) {
    const auto number = std::stoul(head);
    found = number < value.values.size() ? &value.values[number] : nullptr;
  } else {
    found = value.find(head);
  }
  if (found == nullptr) return "-";
  if (dot != std::string::npos) return at(*found, path.substr(dot + 1));
  return found->is(Json::Kind::text) ? found->text : canonical(*found);
}

std::string at(const Reply& reply, const std::string& path) { return at(json(reply), path); }

bool is_problem(const Reply& reply, int status, const std::string& words) {
  const auto type = reply.headers.find("content-type");
  const bool good = reply.status == status && type != reply.headers.end() &&
                    type->second == "application/problem+json" && at(reply, "status") == std::to_string(status) &&
                    at(reply, "title") == http::reason(status) && at(reply, "detail").find(words) != std::string::npos;
  if (!good) MESSAGE("expected a problem ", status, " with \"", words, "\", got ", reply.status, ": ", reply.body);
  return good;
}

}  // namespace mjwatchd::control::test
