// webhook_receiver: takes webhooks as fast as it can, and remembers when each came.
//
//   POST /hole/…      is never answered
//   POST /ANY/…       204; counted under ANY
//   GET  /count       how many came, in all
//   GET  /report      under each: how many, of how many ids, the times, and whether each task's were in order
//   POST /forget      begins anew
#include <algorithm>
#include <asio/io_context.hpp>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <map>
#include <unordered_map>

#include "daemon/http/server.hpp"

namespace {

using namespace mjwatchd;

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::int64_t digits(std::string_view text) {
  std::int64_t value = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// What stands after `key` in a body; the whole document is not read, for the sender is to be measured.
std::string_view after(std::string_view body, std::string_view key) {
  const auto at = body.find(key);
  return at == std::string_view::npos ? std::string_view() : body.substr(at + key.size());
}

std::string_view quoted(std::string_view body, std::string_view key) {
  const auto text = after(body, key);
  return text.substr(0, text.find('"'));
}

/// "2026-11-23T13:08:00.123Z" in microseconds.
std::int64_t time_of(std::string_view text) {
  if (text.size() < 24) return 0;
  const auto part = [&](std::size_t at, std::size_t length) {
    return static_cast<int>(digits(text.substr(at, length)));
  };
  const std::chrono::sys_days day{std::chrono::year{part(0, 4)} / static_cast<unsigned>(part(5, 2)) /
                                  static_cast<unsigned>(part(8, 2))};
  const auto time = day + std::chrono::hours(part(11, 2)) + std::chrono::minutes(part(14, 2)) +
                    std::chrono::seconds(part(17, 2)) + std::chrono::milliseconds(part(20, 3));
  return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}

/// What came under one beginning of paths.
struct Story {
  std::int64_t first_us = 0, last_us = 0;
  std::vector<std::int64_t> delays_us;              ///< from the time in the body
  std::vector<std::size_t> ids;                     ///< digests of webhook-id
  std::unordered_map<std::int64_t, int> sequences;  ///< by the digits of the task's id
  std::size_t out_of_order = 0;
  std::int64_t furthest = 0, overtaken = 0;  ///< of the tasks' digits

  void take(const http::ServerRequest& request) {
    last_us = now_us();
    if (ids.empty()) first_us = last_us;
    const std::string_view body = request.body;
    delays_us.push_back(last_us - time_of(quoted(body, "\"timestamp\":\"")));
    ids.push_back(std::hash<std::string_view>{}(request.header("webhook-id")));
    const auto task = digits(quoted(body, "\"data\":{\"id\":\""));
    const auto sequence = static_cast<int>(digits(after(body, "\"sequence\":")));
    auto& before = sequences[task];
    if (sequence < before) ++out_of_order;
    before = std::max(before, sequence);
    furthest = std::max(furthest, task);
    overtaken = std::max(overtaken, furthest - task);
  }

  [[nodiscard]] std::string report() {
    auto sorted = delays_us;
    std::sort(sorted.begin(), sorted.end());
    const auto share = [&](double part) {
      const auto at = static_cast<std::size_t>(static_cast<double>(sorted.size()) * part);
      return std::to_string(sorted[std::min(at, sorted.size() - 1)]);
    };
    auto distinct = ids;
    std::sort(distinct.begin(), distinct.end());
    const auto different = std::unique(distinct.begin(), distinct.end()) - distinct.begin();
    return R"({"count":)" + std::to_string(ids.size()) + R"(,"ids":)" + std::to_string(different) + R"(,"first_us":)" +
           std::to_string(first_us) + R"(,"last_us":)" + std::to_string(last_us) + R"(,"p50_us":)" + share(0.5) +
           R"(,"p99_us":)" + share(0.99) + R"(,"max_us":)" + share(1) + R"(,"out_of_order":)" +
           std::to_string(out_of_order) + R"(,"overtaken":)" + std::to_string(overtaken) + "}";
  }
};

class Receiver {
 public:
  void take(const http::ServerRequest& request, const http::ResponderPtr& to) {
    http::ServerResponse response;
    if (request.method == "GET") {
      response.body = request.target == "/count" ? std::to_string(count_) : report();
    } else if (request.target == "/forget") {
      stories_.clear();
      count_ = 0;
    } else {
      const std::string& under = request.path.front();
      stories_[under].take(request);
      ++count_;
      if (under == "hole") {
        held_.push_back(to);
        return;
      }
      response.status = 204;
    }
    to->reply(std::move(response));
  }

 private:
  std::string report() {
    std::string text;
    for (auto& [path, story] : stories_) text += (text.empty() ? "{\"" : ",\"") + path + "\":" + story.report();
    return text.empty() ? "{}" : text + "}";
  }

  std::map<std::string, Story, std::less<>> stories_;
  std::vector<http::ResponderPtr> held_;  ///< a dropped one would be answered
  std::size_t count_ = 0;
};

}  // namespace

int main() {
  asio::io_context io(1);
  Receiver receiver;
  http::ServerHandler handler;
  handler.handle = [&](const http::ServerRequest& request, const http::ResponderPtr& to) {
    receiver.take(request, to);
  };
  http::Server server(io, std::move(handler));
  std::cout << "listening on http://127.0.0.1:" << server.listen_tcp("127.0.0.1", 0) << std::endl;
  io.run();
}
