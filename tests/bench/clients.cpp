// Clients that cost little: one thread, raw sockets, a request on each connection as soon as the one
// before is answered. Prints requests a second and how long an answer took.
//
//   bench_clients put SOCKET COUNT CLIENTS FIRST   PUT /v1/tasks/<FIRST + n>, over a Unix socket
//   bench_clients beanstalk PORT COUNT CLIENTS     the same rows as jobs of beanstalkd
//   bench_clients ping SOCKET SECONDS              GET /healthz each 5 ms: how late the daemon's loop is
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + (errno != 0 ? std::string(": ") + std::strerror(errno) : ""));
}

int connect_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) fail(path + " is too long for a socket");
  path.copy(address.sun_path, path.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("connecting to " + path);
  return fd;
}

int connect_tcp(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  if (fd < 0 || connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("connecting");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

/// What one kind of server wants to hear, and how its answer ends.
struct Speech {
  std::function<int()> connect;
  std::function<std::string(long number)> request;
  /// The answer's length once it is all there, 0 before. Throws when it is a refusal.
  std::function<std::size_t(const std::string& received)> complete;
};

std::size_t http_answer(const std::string& received, const char* wanted) {
  const auto head = received.find("\r\n\r\n");
  if (head == std::string::npos) return 0;
  if (received.compare(9, 3, wanted) != 0) throw std::runtime_error("refused: " + received);
  const auto length = received.find("ontent-length: ");
  const std::size_t body = length < head ? std::strtoul(received.c_str() + length + 15, nullptr, 10) : 0;
  return received.size() >= head + 4 + body ? head + 4 + body : 0;
}

std::string row(long number) { return R"({"metadata":{"order":)" + std::to_string(number) + "}}"; }

Speech puts(const std::string& socket, long first) {
  return {[socket] { return connect_unix(socket); },
          [first](long number) {
            const std::string body = row(number);
            return "PUT /v1/tasks/" + std::to_string(1712158000000000 + first + number) +
                   " HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: " +
                   std::to_string(body.size()) + "\r\n\r\n" + body;
          },
          [](const std::string& received) { return http_answer(received, "201"); }};
}

Speech jobs(int port) {
  return {[port] { return connect_tcp(port); },
          [](long number) {
            const std::string body = std::to_string(1712158000000000 + number) + row(number);
            return "put 0 0 60 " + std::to_string(body.size()) + "\r\n" + body + "\r\n";
          },
          [](const std::string& received) -> std::size_t {
            const auto end = received.find("\r\n");
            if (end == std::string::npos) return 0;
            if (received.rfind("INSERTED ", 0) != 0) throw std::runtime_error("refused: " + received);
            return end + 2;
          }};
}

struct Client {
  int fd = -1;
  std::string received;
  Clock::time_point sent{};
};

void send_all(int fd, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t n = write(fd, text.data() + at, text.size() - at);
    if (n < 0) fail("sending");
    at += static_cast<std::size_t>(n);
  }
}

double share(std::vector<double>& sorted, double part) {
  return sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(static_cast<double>(sorted.size()) * part))];
}

/// Milliseconds each answer took; `seconds` for all.
std::vector<double> talk(const Speech& speech, long count, std::size_t clients, double& seconds) {
  std::vector<Client> all(clients);
  const int epoll = epoll_create1(0);
  for (std::size_t i = 0; i < clients; ++i) {
    all[i].fd = speech.connect();
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].fd, &event);
  }
  std::vector<double> took;
  took.reserve(static_cast<std::size_t>(count));
  long next = 0;
  const auto begin = Clock::now();
  const auto ask = [&](Client& client) {
    if (next == count) return;
    const std::string request = speech.request(next++);
    client.sent = Clock::now();
    send_all(client.fd, request);
  };
  for (Client& client : all) ask(client);
  std::vector<epoll_event> ready(clients);
  while (took.size() < static_cast<std::size_t>(count)) {
    const int n = epoll_wait(epoll, ready.data(), static_cast<int>(clients), 30'000);
    if (n <= 0) fail("no answer for 30 s");
    for (int i = 0; i < n; ++i) {
      Client& client = all[ready[static_cast<std::size_t>(i)].data.u64];
      char piece[8192];
      const ssize_t got = read(client.fd, piece, sizeof piece);
      if (got <= 0) fail("the connection ended");
      client.received.append(piece, static_cast<std::size_t>(got));
      const std::size_t length = speech.complete(client.received);
      if (length == 0) continue;
      client.received.erase(0, length);
      took.push_back(std::chrono::duration<double, std::milli>(Clock::now() - client.sent).count());
      ask(client);
    }
  }
  seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  for (const Client& client : all) close(client.fd);
  close(epoll);
  return took;
}

/// One request each 5 ms.
std::vector<double> ping(const std::string& socket, double seconds) {
  const int fd = connect_unix(socket);
  std::vector<double> took;
  const auto begin = Clock::now();
  for (auto due = begin; due < begin + std::chrono::duration<double>(seconds); due += std::chrono::milliseconds(5)) {
    std::this_thread::sleep_until(due);
    const auto sent = Clock::now();
    send_all(fd, "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
    std::string received;
    while (http_answer(received, "200") == 0) {
      char piece[4096];
      const ssize_t got = read(fd, piece, sizeof piece);
      if (got <= 0) fail("the connection ended");
      received.append(piece, static_cast<std::size_t>(got));
    }
    took.push_back(std::chrono::duration<double, std::milli>(Clock::now() - sent).count());
  }
  close(fd);
  return took;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string kind = argc > 1 ? argv[1] : "";
  std::vector<double> took;
  double seconds = 0;
  if (kind == "put" && argc == 6) {
    took = talk(puts(argv[2], std::atol(argv[5])), std::atol(argv[3]), std::strtoul(argv[4], nullptr, 10), seconds);
  } else if (kind == "beanstalk" && argc == 5) {
    took = talk(jobs(std::atoi(argv[2])), std::atol(argv[3]), std::strtoul(argv[4], nullptr, 10), seconds);
  } else if (kind == "ping" && argc == 4) {
    seconds = std::atof(argv[3]);
    took = ping(argv[2], seconds);
  } else {
    std::fprintf(stderr, "usage: see the head of tests/bench/clients.cpp\n");
    return 2;
  }
  std::sort(took.begin(), took.end());
  std::printf("%.0f %.3f %.3f %.3f\n", static_cast<double>(took.size()) / seconds, share(took, 0.5), share(took, 0.99),
              took.back());
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_clients: %s\n", error.what());
  return 1;
}
