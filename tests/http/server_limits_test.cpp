// Clients that are slow on purpose, and more of them than there is room for.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>

#include <atomic>

#include "tests/http/server_fixture.hpp"

using namespace mjwatchd::http;
using namespace mjwatchd::http::test;
using Over = RawClient::Over;
using Clock = std::chrono::steady_clock;

namespace {

void fine(const ServerRequest&, const ResponderPtr& to) { to->reply(text("fine")); }

/// Long enough that a busy machine gets a request through in time.
constexpr milliseconds kShort{500};

ServerLimits with_head_in(milliseconds time) {
  ServerLimits limits;
  limits.header_timeout = time;
  return limits;
}

/// Sends the bytes one by one, slowly, until the server answers; what it said.
std::string drip(RunningServer& server, const std::string& start, char drop) {
  RawClient client(server);
  client.send(start);
  std::atomic<bool> ended = false;
  std::thread sender([&] {
    try {
      while (!ended) {
        client.send({&drop, 1});
        std::this_thread::sleep_for(milliseconds(20));
      }
    } catch (const std::system_error&) {  // the server has closed
    }
  });
  auto all = client.read_to_end();
  ended = true;
  sender.join();
  return all;
}

}  // namespace

TEST_CASE("a head must come within its time, however often a byte of it comes") {
  RunningServer server(fine, with_head_in(kShort));
  const auto begun = Clock::now();
  CHECK(drip(server, "GET / HTTP/1.1\r\nA: ", 'x').starts_with("HTTP/1.1 408 "));
  CHECK(Clock::now() - begun >= kShort);
  CHECK(server.settles_at(0));
}

TEST_CASE("a second head must come within its time, too") {
  RunningServer server(fine, with_head_in(kShort));
  const auto all = drip(server, get("/") + "GET / HTTP/1.1\r\nA: ", 'x');
  CHECK(all.starts_with("HTTP/1.1 200 "));
  CHECK(all.find("HTTP/1.1 408 ") != std::string::npos);
}

TEST_CASE("a client that says nothing is closed without a word, from the start or between requests") {
  RunningServer impatient(fine, with_head_in(milliseconds(50)));
  CHECK(RawClient(impatient).read_to_end().empty());
  ServerLimits limits;
  limits.idle_timeout = milliseconds(50);
  RunningServer server(fine, limits);
  RawClient idle(server);
  idle.send(get("/"));
  CHECK(idle.read().status == 200);
  CHECK(idle.read_to_end().empty());
}

TEST_CASE("a body may take its time as long as it comes, and not when it stops") {
  ServerLimits limits;
  limits.body_timeout = milliseconds(1000);
  RunningServer server([](const ServerRequest& request, const ResponderPtr& to) { to->reply(text(request.body)); },
                       limits);
  RawClient steady(server), stuck(server);
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n";
  stuck.send(head + "xxx");
  steady.send(head);
  for (int i = 0; i < 10; ++i) {
    std::this_thread::sleep_for(milliseconds(120));  // 1200 ms together
    steady.send("x");
  }
  CHECK(steady.read().body == "xxxxxxxxxx");
  CHECK(stuck.read().status == 408);
}

TEST_CASE("a client that does not read its answer is closed") {
  ServerLimits limits;
  limits.body_timeout = milliseconds(200);
  const std::string large(20 << 20, 'x');
  std::atomic<int> asked = 0;
  RunningServer server(
      [&](const ServerRequest&, const ResponderPtr& to) {
        to->reply(text(large));
        ++asked;
      },
      limits);
  for (const auto over : {Over::tcp, Over::unix_socket}) {
    RawClient client(server, over);
    const int before = asked;
    client.send(get("/"));
    while (asked == before) std::this_thread::yield();
    CHECK(server.settles_at(0));
    CHECK(client.read_to_end().size() < large.size());
  }
}

TEST_CASE("a client that sends requests and never reads stops being read itself") {
  std::atomic<int> handled = 0;
  ServerLimits limits;
  limits.body_timeout = milliseconds(300);
  RunningServer server(
      [&handled](const ServerRequest&, const ResponderPtr& to) {
        ++handled;
        to->reply(text(std::string(100000, 'x')));
      },
      limits);
  RawClient client(server, Over::unix_socket);
  std::string many;
  for (int i = 0; i < 1000; ++i) many += get("/");
  std::size_t sent = 0;
  try {
    while (sent < (256U << 20)) {
      const auto size = client.send_some(many);
      sent += size;
      if (size == 0) std::this_thread::yield();
    }
  } catch (const std::system_error&) {  // closed: it has not read for 300 ms
  }
  CHECK(sent < (16U << 20));
  CHECK(handled < 100);
  CHECK(server.settles_at(0));
}

TEST_CASE("a request that waits for its answer has no time limit") {
  std::vector<ResponderPtr> waiting;
  std::atomic<bool> asked = false;
  ServerLimits limits;
  limits.idle_timeout = limits.body_timeout = milliseconds(100);
  RunningServer server(
      [&](const ServerRequest&, const ResponderPtr& to) {
        waiting.push_back(to);
        asked = true;
      },
      limits);
  RawClient client(server), bystander(server);
  client.send(get("/"));
  while (!asked) std::this_thread::yield();
  bystander.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf");
  CHECK(bystander.read().status == 408);  // so long has the client waited, too
  server.on_loop([&] { waiting[0]->reply(text("late")); });
  CHECK(client.read().body == "late");
  server.on_loop([&] { waiting.clear(); });
}

TEST_CASE("connections over the limit wait for their turn") {
  ServerLimits limits;
  limits.max_connections = 3;
  RunningServer server(fine, limits);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 6; ++i) {
    clients.push_back(std::make_unique<RawClient>(server, i % 2 == 0 ? Over::tcp : Over::unix_socket));
    clients.back()->send(get("/"));
  }
  CHECK(server.settles_at(3));
  // Whoever is let in is answered; each that leaves lets another in.
  std::size_t answered = 0;
  for (auto& client : clients) {
    CHECK(client->read().status == 200);
    ++answered;
    CHECK(server.connections() <= 3);
    client.reset();
  }
  CHECK(answered == 6);
  CHECK(server.settles_at(0));
}

TEST_CASE("without descriptors connections wait, and nothing spins meanwhile") {
  RunningServer server(fine);
  RawClient before(server);
  before.send(get("/"));
  CHECK(before.read().status == 200);
  rlimit usual{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &usual) == 0);
  const rlimit few{256, usual.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  std::vector<mjwatchd::os::Descriptor> fillers;
  while (true) {
    mjwatchd::os::Descriptor filler(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!filler.valid()) break;
    fillers.push_back(std::move(filler));
  }
  REQUIRE(fillers.size() > 2);
  fillers.pop_back();
  RawClient waiting(server);  // takes the last one
  waiting.send(get("/"));
  const auto used = server.loop_time();
  std::this_thread::sleep_for(milliseconds(300));
  CHECK(server.loop_time() - used < milliseconds(100));
  before.send(get("/"));
  CHECK(before.read().status == 200);
  CHECK(server.connections() == 1);
  fillers.clear();
  CHECK(waiting.read().status == 200);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &usual) == 0);
}

TEST_CASE("an idle connection costs no processor time") {
  ServerLimits limits;
  RunningServer server(fine, limits);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<RawClient>(server));
    clients.back()->send(get("/"));
    CHECK(clients.back()->read().status == 200);
  }
  const auto used = server.loop_time();
  std::this_thread::sleep_for(milliseconds(200));
  CHECK(server.loop_time() - used < milliseconds(20));
}
