#include "tests/store/postgres/relay.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

namespace mjwatchd::store::test {
namespace {

constexpr const char* kSocket = ".s.PGSQL.5432";

sockaddr_un address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(path.string().size() < sizeof address.sun_path);
  std::strcpy(address.sun_path, path.c_str());
  return address;
}

bool send_all(int fd, const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const auto n = ::send(fd, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += static_cast<std::size_t>(n);
  }
  return true;
}

/// False at the end of what the other side says.
bool receive(int fd, std::string& into) {
  std::array<char, 1U << 16U> piece{};
  const auto n = ::recv(fd, piece.data(), piece.size(), 0);
  if (n <= 0) return false;
  into.append(piece.data(), static_cast<std::size_t>(n));
  return true;
}

/// Takes the first message out of what has come: a letter, unless it is a connection's very first one, and its size.
std::optional<std::string> first_message(std::string& come, bool letter) {
  const std::size_t head = letter ? 1 : 0;
  if (come.size() < head + 4) return std::nullopt;
  std::size_t size = 0;
  for (std::size_t i = head; i < head + 4; ++i) size = size << 8U | static_cast<unsigned char>(come[i]);
  if (come.size() < head + size) return std::nullopt;
  std::string message = come.substr(0, head + size);
  come.erase(0, head + size);
  return message;
}

/// The n-th of the texts, each with a zero at its end, that a message begins with.
std::string text_of(const std::string& message, int n) {
  std::size_t at = 5;
  for (; n > 0; --n) at = message.find('\0', at) + 1;
  return message.c_str() + at;
}

}  // namespace

struct Relay::Line {
  os::Descriptor client, server;
  std::string said, answered;  ///< what is not a whole message yet
  bool begun = false;
  std::map<std::string, std::string> prepared;  ///< texts by their names
  std::optional<Cut> cut{};                     ///< is being made
};

Relay::Relay(const std::string& url) {
  std::string name = "/tmp/mjwatchd-relay-XXXXXX";  // short: the path of a socket is
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  folder_ = name;
  const auto from = url.find("host=") + 5;
  const auto size = url.find('&', from) - from;
  target_ = url.substr(from, size) + "/" + kSocket;
  url_ = std::string(url).replace(from, size, name);
  listener_ = os::Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un own = address_of(folder_ / kSocket);
  REQUIRE(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) == 0);
  REQUIRE(::listen(listener_.get(), 64) == 0);
  call_ = os::Descriptor(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  thread_ = std::thread([this] { run(); });
}

Relay::~Relay() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  ::eventfd_write(call_.get(), 1);
  thread_.join();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void Relay::cut(Cut how, const std::string& words) {
  const std::lock_guard lock(mutex_);
  plans_.push_back({how, words});
}

void Relay::refuse_until(std::chrono::steady_clock::time_point end) {
  const std::lock_guard lock(mutex_);
  refused_until_ = end;
  hang_up_ = true;
  ::eventfd_write(call_.get(), 1);
}

int Relay::made() const {
  const std::lock_guard lock(mutex_);
  return made_;
}

int Relay::runs(const std::string& words) const {
  const std::lock_guard lock(mutex_);
  int count = 0;
  for (const auto& [text, times] : runs_) count += text.find(words) != std::string::npos ? times : 0;
  return count;
}

void Relay::run() {
  for (;;) {
    std::vector<pollfd> sources{{call_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    for (const Line& line : lines_) {
      sources.push_back({line.client.get(), POLLIN, 0});
      sources.push_back({line.server.get(), POLLIN, 0});
    }
    ::poll(sources.data(), sources.size(), -1);
    eventfd_t ignored = 0;
    ::eventfd_read(call_.get(), &ignored);
    std::size_t at = 2;
    for (auto line = lines_.begin(); line != lines_.end(); at += 2) {
      const bool goes_on =
          (sources[at].revents == 0 || from_client(*line)) && (sources[at + 1].revents == 0 || from_server(*line));
      line = goes_on ? std::next(line) : lines_.erase(line);
    }
    {
      const std::lock_guard lock(mutex_);
      if (closing_) break;
      if (std::exchange(hang_up_, false)) lines_.clear();
    }
    if (sources[1].revents != 0) welcome();
  }
  lines_.clear();
}

void Relay::welcome() {
  os::Descriptor client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  {
    const std::lock_guard lock(mutex_);
    if (std::chrono::steady_clock::now() < refused_until_) return;
  }
  os::Descriptor server(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un target = address_of(target_);
  if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&target), sizeof target) != 0) return;
  lines_.push_back({std::move(client), std::move(server), {}, {}, false, {}, {}});
}

// Each of these is false when the connection ends.

bool Relay::from_client(Line& line) {
  if (!receive(line.client.get(), line.said)) return false;
  while (line.client.valid()) {
    const auto message = first_message(line.said, line.begun);
    if (!message) break;
    if (line.begun && !pass_on(line, *message)) return false;
    if (!line.begun && !send_all(line.server.get(), *message)) return false;
    line.begun = true;
  }
  return true;
}

bool Relay::pass_on(Line& line, const std::string& message) {
  const char kind = message.front();
  if (kind == 'P') line.prepared[text_of(message, 0)] = text_of(message, 1);  // Parse: its name, and the statement
  if (kind == 'B') {                                                          // Bind: a portal, and the name
    const auto how = planned(line.prepared[text_of(message, 1)]);
    if (how == Cut::before) return false;
    if (how) line.cut = how;
  }
  if (!send_all(line.server.get(), message)) return false;
  const bool whole = kind == 'S';  // Sync
  if (whole && line.cut == Cut::during) line.client = {};
  return true;
}

bool Relay::from_server(Line& line) {
  std::string piece;
  if (!receive(line.server.get(), piece)) return false;
  if (!line.cut) return send_all(line.client.get(), piece);
  line.answered += piece;
  while (const auto message = first_message(line.answered, true)) {
    if (message->front() == 'Z') return false;  // it is ready for the next: all is done
  }
  return true;
}

std::optional<Relay::Cut> Relay::planned(const std::string& text) {
  const std::lock_guard lock(mutex_);
  ++runs_[text];
  const auto plan = std::find_if(plans_.begin(), plans_.end(),
                                 [&](const Plan& one) { return text.find(one.words) != std::string::npos; });
  if (plan == plans_.end()) return std::nullopt;
  const Cut how = plan->how;
  plans_.erase(plan);
  ++made_;
  return how;
}

}  // namespace mjwatchd::store::test
