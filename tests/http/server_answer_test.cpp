// Answers: late, dropped, thrown, from files, and to clients that have gone.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "tests/http/server_fixture.hpp"

using namespace mjwatchd::http;
using namespace mjwatchd::http::test;
using Over = RawClient::Over;

namespace {

/// Keeps what it is asked to answer; loop thread only.
struct Waiting {
  std::vector<ResponderPtr> list;
  std::atomic<int> count = 0;

  void operator()(const ServerRequest&, const ResponderPtr& to) {
    list.push_back(to);
    ++count;
  }
  void wait_for(int number) const {
    while (count < number) std::this_thread::yield();
  }
};

auto into(Waiting& waiting) {
  return [&waiting](const ServerRequest& request, const ResponderPtr& to) { waiting(request, to); };
}

}  // namespace

TEST_CASE("an answer may come later, and a second one is ignored") {
  Waiting waiting;
  RunningServer server(into(waiting));
  RawClient client(server);
  client.send(get("/"));
  waiting.wait_for(1);
  server.on_loop([&] {
    waiting.list[0]->reply(text("first"));
    waiting.list[0]->reply(text("second"));
    CHECK_FALSE(waiting.list[0]->stream(text(""))->open());
  });
  CHECK(client.read().body == "first");
  client.send(get("/"));
  waiting.wait_for(2);
  server.on_loop([&] {
    waiting.list[0]->reply(text("for a request that was answered long ago"));
    waiting.list[1]->reply(text("third"));
  });
  CHECK(client.read().body == "third");
  server.on_loop([&] { waiting.list.clear(); });
  client.send(get("/"));
  waiting.wait_for(3);
  server.on_loop([&] { waiting.list[0]->reply(text("fourth")); });
  CHECK(client.read().body == "fourth");
}

TEST_CASE("a request that is dropped or throws is answered 500, and the connection goes on") {
  int call = 0;
  RunningServer server([&call](const ServerRequest&, const ResponderPtr& to) {
    ++call;
    if (call == 1) throw std::runtime_error("this is a test");
    if (call == 2) throw 42;  // NOLINT: anything may be thrown
    if (call == 4) {
      to->reply(text("answered"));
      throw std::runtime_error("too late");
    }
  });
  RawClient client(server);
  for (int i = 1; i <= 4; ++i) {
    client.send(get("/"));
    const auto reply = client.read();
    CAPTURE(i);
    CHECK(reply.status == (i == 4 ? 200 : 500));
    CHECK(reply.body.find("this is a test") == std::string::npos);
  }
}

TEST_CASE("a request dropped later is answered 500") {
  Waiting waiting;
  RunningServer server(into(waiting));
  RawClient client(server);
  client.send(get("/"));
  waiting.wait_for(1);
  server.on_loop([&] { waiting.list.clear(); });
  CHECK(client.read().status == 500);
}

TEST_CASE("a handler learns that its client has gone, and answering is harmless then") {
  Waiting waiting;
  RunningServer server(into(waiting));
  for (const bool unix_socket : {true, false}) {
    CAPTURE(unix_socket);
    RawClient client(server, unix_socket ? Over::unix_socket : Over::tcp);
    client.send(get("/"));
    waiting.wait_for(unix_socket ? 1 : 2);
    std::promise<void> told;
    server.on_loop([&] {
      auto& to = waiting.list.back();
      CHECK_FALSE(to->gone());
      to->on_gone([&told] { told.set_value(); });
    });
    unix_socket ? client.close() : client.reset();
    CHECK(told.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready);
    CHECK(server.settles_at(0));
    server.on_loop([&] {
      auto& to = waiting.list.back();
      CHECK(to->gone());
      bool at_once = false;
      to->on_gone([&at_once] { at_once = true; });
      CHECK(at_once);
      to->reply(text("to nobody"));
    });
  }
}

TEST_CASE("a client on the Unix socket that stops sending and then closes is noticed") {
  Waiting waiting;
  RunningServer server(into(waiting));
  RawClient client(server, Over::unix_socket);
  client.send(get("/"));
  waiting.wait_for(1);
  std::promise<void> told;
  client.end_sending();
  server.on_loop([&] { waiting.list[0]->on_gone([&told] { told.set_value(); }); });
  CHECK(server.connections() == 1);
  client.close();
  CHECK(told.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready);
  CHECK(server.settles_at(0));
}

TEST_CASE("nobody is told that a client has gone when it goes after its answer") {
  Waiting waiting;
  RunningServer server(into(waiting));
  RawClient client(server, Over::unix_socket);
  client.send(get("/"));
  waiting.wait_for(1);
  bool told = false;
  server.on_loop([&] {
    waiting.list[0]->on_gone([&told] { told = true; });
    waiting.list[0]->reply(text("fine"));
  });
  CHECK(client.read().status == 200);
  client.close();
  CHECK(server.settles_at(0));
  CHECK_FALSE(server.on_loop([&] { return told; }));
}

TEST_CASE("answers may outlive the server") {
  Waiting waiting;
  RunningServer server(into(waiting));
  RawClient client(server);
  client.send(get("/"));
  waiting.wait_for(1);
  bool told = false;
  server.on_loop([&] { waiting.list[0]->on_gone([&told] { told = true; }); });
  server.destroy();
  server.on_loop([&] {
    CHECK(waiting.list[0]->gone());
    waiting.list[0]->reply(text("to nobody"));
  });
  CHECK(client.read_to_end().empty());
  CHECK_FALSE(server.on_loop([&] { return told; }));  // whoever asked may be gone with the server
}

TEST_CASE("a handler may destroy the server") {
  RunningServer* self = nullptr;
  std::unique_ptr<Server> other;
  std::uint16_t port = 0;
  RunningServer server([&](const ServerRequest&, const ResponderPtr& to) { to->reply(text("outer")); });
  self = &server;
  server.on_loop([&] {
    ServerHandler handler;
    handler.handle = [&other](const ServerRequest&, const ResponderPtr& to) {
      other.reset();
      to->reply(text("to nobody"));
    };
    other = std::make_unique<Server>(self->io(), std::move(handler));
    other->listen_unix(self->folder() + "/other", 0600);
    port = other->listen_tcp("127.0.0.1", 0);
  });
  CHECK(port != 0);
  CHECK(std::filesystem::exists(server.folder() + "/other"));
  RawClient client(port);
  client.send(get("/"));
  CHECK(client.read_to_end().empty());
  CHECK_FALSE(std::filesystem::exists(server.folder() + "/other"));
}

TEST_CASE("heads are written so that no value can begin a header of its own") {
  RunningServer server([](const ServerRequest&, const ResponderPtr& to) {
    auto response = text("body");
    response.headers.emplace_back("X-Value", "a\r\nX-Evil: b");
    response.headers.emplace_back("X-Bad\r\nName", "c");
    response.headers.emplace_back("Content-Length", "999");
    response.headers.emplace_back("Transfer-Encoding", "chunked");
    to->reply(std::move(response));
  });
  RawClient client(server);
  client.send(get("/"));
  const auto reply = client.read();
  CHECK(reply.body == "body");
  CHECK(reply.headers.at("x-value") == "a  X-Evil: b");
  CHECK(reply.headers.count("x-evil") == 0);
  CHECK(reply.headers.count("transfer-encoding") == 0);
  CHECK(reply.headers.at("content-length") == "4");
  CHECK(reply.headers.at("date").ends_with(" GMT"));
  CHECK(reply.head.find("Name") == std::string::npos);
}

TEST_CASE("204 and 304 have no body, and a status that is none becomes 500") {
  int status = 0;
  RunningServer server([&status](const ServerRequest&, const ResponderPtr& to) { to->reply(text("body", status)); });
  RawClient client(server);
  for (const int asked : {204, 304, 200, 0, 42, 100, 600, 299}) {
    CAPTURE(asked);
    server.on_loop([&] { status = asked; });
    client.send(get("/"));
    const auto reply = client.read();
    const bool valid = asked >= 200 && asked < 600;
    CHECK(reply.status == (valid ? asked : 500));
    CHECK(reply.headers.contains("content-length") == (asked != 204 && asked != 304));
  }
}

TEST_CASE("a handler can have the connection closed") {
  RunningServer server([](const ServerRequest&, const ResponderPtr& to) {
    auto response = text("bye");
    response.headers.emplace_back("Connection", "close");
    to->reply(std::move(response));
  });
  RawClient client(server);
  client.send(get("/") + get("/"));
  CHECK(client.read().headers.at("connection") == "close");
  CHECK(client.read_to_end().empty());
}

TEST_CASE("large answers arrive whole at a slow reader") {
  std::string large;
  while (large.size() < 6000000) large += std::to_string(large.size()) + ",";
  RunningServer server([&large](const ServerRequest&, const ResponderPtr& to) { to->reply(text(large)); });
  for (const auto over : {Over::tcp, Over::unix_socket}) {
    RawClient client(server, over);
    client.send(get("/") + get("/"));
    CHECK(client.read().body == large);
    CHECK(client.read().body == large);
  }
}

namespace {

/// Serves one file by "/OFFSET/LENGTH".
struct FileServer {
  explicit FileServer(std::size_t size)
      : server([this](const ServerRequest& request, const ResponderPtr& to) {
          ServerResponse response;
          response.headers.emplace_back("content-type", "image/png");
          response.file = path;
          response.file_offset = std::stoull(request.path.at(0));
          response.file_length = std::stoull(request.path.at(1));
          if (request.path.size() > 2) response.file = request.path[2];
          to->reply(std::move(response));
        }) {
    path = server.folder() + "/file";
    while (content.size() < size) content += std::to_string(content.size()) + " ";
    content.resize(size);
    std::ofstream(path, std::ios::binary) << content;
  }

  std::string path, content;
  RunningServer server;
};

}  // namespace

TEST_CASE("files are served, whole and in part") {
  FileServer files(3000000);
  RawClient client(files.server);
  const std::pair<std::size_t, std::size_t> ranges[] = {{0, 3000000}, {0, 1},     {2999999, 1},  {3000000, 0},
                                                        {0, 0},       {65535, 3}, {65536, 65536}};
  for (const auto& [offset, length] : ranges) {
    CAPTURE(offset);
    client.send(get("/" + std::to_string(offset) + "/" + std::to_string(length)));
    const auto reply = client.read();
    CHECK(reply.status == 200);
    CHECK(reply.headers.at("content-length") == std::to_string(length));
    CHECK(reply.headers.at("content-type") == "image/png");
    CHECK(reply.body == files.content.substr(offset, length));
  }
  client.send("HEAD /0/3000000 HTTP/1.1\r\nHost: h\r\n\r\n" + get("/7/3"));
  CHECK(client.read(true).headers.at("content-length") == "3000000");
  CHECK(client.read().body == files.content.substr(7, 3));
}

TEST_CASE("a file that cannot be read is a 500, and its path stays in the log") {
  FileServer files(1000);
  ::mkfifo((files.server.folder() + "/fifo").c_str(), 0600);
  RawClient client(files.server);
  std::string folder;
  for (const char c : files.server.folder()) folder += c == '/' ? "%2F" : std::string(1, c);
  for (const auto& target : {"/0/1001", "/1001/0", "/18446744073709551615/2", "/1/18446744073709551615", "/0/1/none"}) {
    CAPTURE(std::string(target));
    client.send(get(target));
    const auto reply = client.read();
    CHECK(reply.status == 500);
    CHECK(reply.body.find("none") == std::string::npos);
  }
  for (const auto& name : {"%2Ffifo", ""}) {  // a FIFO would block, a folder can't be read
    client.send(get("/0/1/" + folder + name));
    CHECK(client.read().status == 500);
  }
  client.send(get("/0/1"));
  CHECK(client.read().body == "0");
}

TEST_CASE("a file that shrinks while it is served cuts the connection") {
  FileServer files(20000000);
  RawClient client(files.server);
  client.send(get("/0/20000000"));
  const auto start = client.read_at_least(1000);
  std::filesystem::resize_file(files.path, 1000);
  const auto all = start + client.read_to_end();
  CHECK(all.size() < 20000000);
  CHECK(files.server.settles_at(0));
  CHECK(talk(files.server, get("/0/1000")).starts_with("HTTP/1.1 200 "));
}

TEST_CASE("a file is not held in memory while its reader waits") {
  FileServer files(30000000);
  const auto resident = [] {
    std::ifstream in("/proc/self/statm");
    std::size_t total = 0, pages = 0;
    in >> total >> pages;
    return pages * static_cast<std::size_t>(::getpagesize());
  };
  const auto before = resident();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<RawClient>(files.server));
    clients.back()->send(get("/0/30000000"));
  }
  for (auto& client : clients) CHECK(client->read_at_least(1).starts_with("HTTP/1.1 200 "));
  CHECK(resident() < before + 60000000);  // 20 whole ones would be 600 MB
}
