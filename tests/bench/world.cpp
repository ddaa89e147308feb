// A gateway and a receiver of webhooks that cost little: one thread, raw sockets, every answer made
// from memory. It knows every task id 1712158000000000 + n, n below COUNT.
//
//   bench_world COUNT BYTES CHANGED      prints "PORT"; a task's object has BYTES bytes; one look in
//                                        CHANGED finds it changed (0: none)
//
//   POST /mj/task/list-by-condition      {"ids":["…",…]}, as gateways have it
//   POST /_/end/RATE                     from now on RATE tasks a second end well, in no order; 0: all at once
//   POST /_/end/RATE/in-order            the same, from the first on: those asked for together end together
//   GET  /_/stats                        "calls ids changed"
//   GET  /_/delays                       "n p50 p99 max": from the reply that told an end to its webhook, milliseconds
//   GET  /_/noticed/FIRST                "n mean p95": of the tasks that end first, from an end to the reply that
//                                        told it, seconds
//
// Of several daemons, whose tokens are "asker-0" to "asker-9":
//   GET  /_/asked                        "changes both ids…": how often a task's asker changed, how often one asked
//                                        that had asked up to 15 s ago and another since, and how many ids each
//                                        asked for
//   POST /_/gone/N                       asker N has been killed: what it asked for last is waited for
//   GET  /_/followed                     "n again p50 max": how many those are, how many another has asked for since,
//                                        and when, in seconds
//   any other POST                       a webhook: answered 204
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr unsigned long kFirst = 1712158000000000;
constexpr std::size_t kAskers = 10;
constexpr double kAtOnce = 15;  ///< seconds

double now() { return std::chrono::duration<double>(Clock::now().time_since_epoch()).count(); }

class World {
 public:
  World(std::size_t count, std::size_t bytes, unsigned changed)
      : changed_(changed), looks_(count), told_(count), arrived_(count), askers_(count) {
    const std::string sample = object(0, "IN_PROGRESS", 50);
    if (bytes > sample.size()) filling_.assign(bytes - sample.size(), 'a');
  }

  std::string answer(std::string_view head, std::string_view body) {
    const std::string_view path = head.substr(head.find(' ') + 1);
    if (path.starts_with("/mj/task/list-by-condition")) return list(body, asker(head));
    if (path.starts_with("/_/end/")) {
      rate_ = std::strtod(std::string(path.substr(7, 12)).c_str(), nullptr);
      in_order_ = path.substr(0, path.find(' ')).ends_with("/in-order");
      ending_since_ = now();
      return http("200 OK", "");
    }
    if (path.starts_with("/_/stats")) {
      return http("200 OK",
                  std::to_string(calls_) + " " + std::to_string(ids_) + " " + std::to_string(changes_) + "\n");
    }
    if (path.starts_with("/_/delays")) return http("200 OK", delays());
    if (path.starts_with("/_/noticed/")) return http("200 OK", noticed(std::strtoul(path.data() + 11, nullptr, 10)));
    if (path.starts_with("/_/asked")) return http("200 OK", asked());
    if (path.starts_with("/_/gone/")) {
      gone_ = static_cast<int>(std::strtol(path.data() + 8, nullptr, 10));
      gone_since_ = now();
      for (Askers& one : askers_) one.followed = one.last == gone_ ? 0 : -1;
      return http("200 OK", "");
    }
    if (path.starts_with("/_/followed")) return http("200 OK", followed());
    heard(body);
    return "HTTP/1.1 204 No Content\r\n\r\n";
  }

 private:
  static std::string http(const char* status, const std::string& body) {
    return std::string("HTTP/1.1 ") + status +
           "\r\ncontent-type: application/json\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }

  std::string object(std::size_t n, const char* status, unsigned progress) const {
    char head[512];
    const int size = std::snprintf(
        head, sizeof head,
        R"({"id":"%lu","action":"IMAGINE","status":"%s","progress":"%u%%","submitTime":1712158011464,)"
        R"("startTime":1712158011999,"finishTime":0,"imageUrl":"","failReason":null,"promptEn":"a cat","prompt":"a cat )",
        kFirst + n, status, progress);
    return std::string(head, static_cast<std::size_t>(size)) + filling_ +
           R"(","buttons":[],"properties":{"notifyHook":null,"botType":"MID_JOURNEY"}})";
  }

  bool ended(std::size_t n) const {
    if (ending_since_ == 0) return false;
    return rate_ == 0 || static_cast<double>(in_order_ ? n : turn(n)) < (now() - ending_since_) * rate_;
  }

  /// A shuffle: a prime times n, which no COUNT below it divides.
  std::size_t turn(std::size_t n) const { return n * 2'147'483'647 % looks_.size(); }

  static int asker(std::string_view head) {
    const auto at = head.find("asker-");
    return at == std::string_view::npos || at + 6 >= head.size() ? 0 : (head[at + 6] - '0') % int{kAskers};
  }

  void asked_for(std::size_t n, int who) {
    Askers& one = askers_[n];
    const double at = now();
    ++asked_[static_cast<std::size_t>(who)];
    if (one.last != who) {
      if (one.last >= 0) ++changes_of_asker_;
      if (one.before == who && at - one.before_at < kAtOnce) ++both_;
      one.before = one.last;
      one.before_at = one.last_at;
      one.last = who;
    }
    one.last_at = at;
    if (one.followed == 0 && who != gone_) one.followed = at - gone_since_;
  }

  std::string asked() const {
    std::string text = std::to_string(changes_of_asker_) + " " + std::to_string(both_);
    for (const unsigned long ids : asked_) text += " " + std::to_string(ids);
    return text + "\n";
  }

  std::string followed() const {
    std::vector<double> all;
    std::size_t left = 0;
    for (const Askers& one : askers_) {
      left += one.followed >= 0 ? 1 : 0;
      if (one.followed > 0) all.push_back(one.followed);
    }
    std::sort(all.begin(), all.end());
    char text[128];
    std::snprintf(text, sizeof text, "%zu %zu %.3f %.3f\n", left, all.size(), all.empty() ? 0 : all[all.size() / 2],
                  all.empty() ? 0 : all.back());
    return text;
  }

  std::string noticed(std::size_t first) const {
    std::vector<double> all;
    double sum = 0;
    for (std::size_t n = 0; n < told_.size() && rate_ != 0; ++n) {
      if (told_[n] == 0 || turn(n) >= first) continue;
      all.push_back(told_[n] - ending_since_ - static_cast<double>(turn(n)) / rate_);
      sum += all.back();
    }
    if (all.empty()) return "0 0 0\n";
    std::sort(all.begin(), all.end());
    char text[128];
    std::snprintf(text, sizeof text, "%zu %.3f %.3f\n", all.size(), sum / static_cast<double>(all.size()),
                  all[all.size() * 95 / 100]);
    return text;
  }

  std::string list(std::string_view body, int who) {
    ++calls_;
    std::string out = "[";
    out.reserve(128 * 1024);
    std::vector<std::size_t> told;
    for (std::size_t at = body.find("\"17"); at != std::string_view::npos; at = body.find("\"17", at + 10)) {
      const std::size_t n = std::strtoul(body.data() + at + 1, nullptr, 10) - kFirst;
      if (n >= looks_.size()) continue;
      ++ids_;
      asked_for(n, who);
      if (out.size() > 1) out += ',';
      if (ended(n)) {
        out += object(n, "SUCCESS", 100);
        if (told_[n] == 0) told.push_back(n);
        continue;
      }
      const unsigned look = looks_[n]++;
      if (changed_ != 0 && (look + n) % changed_ == 0) ++changes_;
      out += object(n, "IN_PROGRESS",
                    changed_ == 0 ? 50 : 1 + (look + static_cast<unsigned>(n % changed_)) / changed_ % 90);
    }
    std::string text = http("200 OK", out + "]");
    for (const std::size_t n : told) told_[n] = now();
    return text;
  }

  void heard(std::string_view body) {
    const auto at = body.find("\"id\":\"17");
    if (at == std::string_view::npos) return;
    const std::size_t n = std::strtoul(body.data() + at + 6, nullptr, 10) - kFirst;
    if (n < arrived_.size() && arrived_[n] == 0) arrived_[n] = now();
  }

  std::string delays() const {
    std::vector<double> all;
    for (std::size_t n = 0; n < arrived_.size(); ++n) {
      if (arrived_[n] != 0 && told_[n] != 0) all.push_back((arrived_[n] - told_[n]) * 1e3);
    }
    if (all.empty()) return "0 0 0 0\n";
    std::sort(all.begin(), all.end());
    char text[128];
    std::snprintf(text, sizeof text, "%zu %.3f %.3f %.3f\n", all.size(), all[all.size() / 2],
                  all[std::min(all.size() - 1, all.size() * 99 / 100)], all.back());
    return text;
  }

  struct Askers {  ///< of a task
    int last = -1, before = -1;
    double last_at = 0, before_at = 0;
    double followed = -1;  ///< 0: its asker is gone, and nobody else has asked yet
  };

  unsigned changed_;
  std::string filling_;
  std::vector<unsigned> looks_;
  std::vector<double> told_, arrived_;
  std::vector<Askers> askers_;
  unsigned long asked_[kAskers] = {}, changes_of_asker_ = 0, both_ = 0;
  int gone_ = -1;
  double gone_since_ = 0;
  double ending_since_ = 0, rate_ = 0;
  bool in_order_ = false;
  unsigned long calls_ = 0, ids_ = 0, changes_ = 0;
};

struct Peer {
  std::string in, out;
};

/// The length of the request at the beginning, 0 when it is not all there.
std::size_t request_in(const std::string& in, std::size_t& head) {
  head = in.find("\r\n\r\n");
  if (head == std::string::npos) return 0;
  std::string lower = in.substr(0, head);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) { return static_cast<char>(std::tolower(c)); });
  const auto length = lower.find("content-length:");
  const std::size_t body = length == std::string::npos ? 0 : std::strtoul(lower.c_str() + length + 15, nullptr, 10);
  head += 4;
  return in.size() >= head + body ? head + body : 0;
}

class Loop {
 public:
  explicit Loop(World& world) : world_(world), epoll_(epoll_create1(0)), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 512) != 0) std::abort();
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    watch(EPOLL_CTL_ADD, listener_, EPOLLIN);
    std::printf("%u\n", ntohs(address.sin_port));
    std::fflush(stdout);
  }

  void run() {
    epoll_event ready[64];
    for (;;) {
      const int n = epoll_wait(epoll_, ready, 64, -1);
      for (int i = 0; i < n; ++i) serve(ready[i].data.fd);
    }
  }

 private:
  void watch(int how, int fd, unsigned events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    epoll_ctl(epoll_, how, fd, &event);
  }

  void serve(int fd) {
    if (fd == listener_) {
      const int peer = accept4(fd, nullptr, nullptr, SOCK_NONBLOCK);
      const int on = 1;
      setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      watch(EPOLL_CTL_ADD, peer, EPOLLIN);
      return;
    }
    Peer& peer = peers_[fd];
    char piece[65536];
    const ssize_t got = read(fd, piece, sizeof piece);
    if (got == 0 || (got < 0 && errno != EAGAIN)) return end(fd);
    if (got > 0) peer.in.append(piece, static_cast<std::size_t>(got));
    std::size_t head = 0;
    while (const std::size_t length = request_in(peer.in, head)) {
      const std::string_view request = std::string_view(peer.in).substr(0, length);
      peer.out += world_.answer(request.substr(0, head), request.substr(head));
      peer.in.erase(0, length);
    }
    const ssize_t sent = peer.out.empty() ? 0 : write(fd, peer.out.data(), peer.out.size());
    if (sent < 0 && errno != EAGAIN) return end(fd);
    if (sent > 0) peer.out.erase(0, static_cast<std::size_t>(sent));
    watch(EPOLL_CTL_MOD, fd, peer.out.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
  }

  void end(int fd) {
    close(fd);
    peers_.erase(fd);
  }

  World& world_;
  int epoll_, listener_;
  std::unordered_map<int, Peer> peers_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: bench_world COUNT BYTES CHANGED\n");
    return 2;
  }
  World world(std::strtoul(argv[1], nullptr, 10), std::strtoul(argv[2], nullptr, 10),
              static_cast<unsigned>(std::atoi(argv[3])));
  Loop loop(world);
  loop.run();
}
