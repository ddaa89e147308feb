#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>

#include "tests/http/client_fixture.hpp"

namespace mjwatchd::http::test {
namespace {

struct Folder {
  Folder() { REQUIRE(::mkdtemp(path) != nullptr); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string file(const std::string& bytes) const {
    std::ofstream(std::string(path) + "/file", std::ios::binary) << bytes;
    return std::string(path) + "/file";
  }
  char path[32] = "/tmp/mjwatchd-upload-XXXXXX";
};

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 + i / 251);
  return bytes;
}

Request upload(const RawServer& server, const std::string& file) {
  Request request = request_of(server.url() + "/key");
  request.method = "PUT";
  request.upload_file = file;
  return request;
}

}  // namespace

TEST_CASE("a file is sent byte for byte, with its length") {
  const Folder folder;
  for (const std::size_t size : {0U, 1U, 1'000'000U}) {
    CAPTURE(size);
    const std::string bytes = pattern(size);
    RawServer server(RawServer::Handler([](const std::string&) { return close_reply(200, "ok"); }));
    Loop loop;
    Request request = upload(server, folder.file(bytes));
    request.headers = {"Content-Type: image/png"};
    request.stall_timeout = milliseconds(5000);
    CHECK(loop.run(std::move(request)).body == "ok");
    const std::string got = server.requests().at(0);
    const auto end = got.find("\r\n\r\n") + 4;
    CHECK(got.starts_with("PUT /key HTTP/1.1\r\n"));
    CHECK(got.find("\r\nContent-Length: " + std::to_string(size) + "\r\n") < end);
    CHECK(got.find("\r\nContent-Type: image/png\r\n") < end);
    CHECK(got.find("Expect") >= end);
    CHECK(got.find("Transfer-Encoding") >= end);
    CHECK(got.substr(end) == bytes);
  }
}

TEST_CASE("a file is sent again over a new connection when the kept one died") {
  const Folder folder;
  const std::string bytes = pattern(100'000);
  RawServer server([&](Peer& peer) {
    const std::string first = peer.read_request();
    peer.send(reply(200, first.ends_with(bytes) ? "whole" : "not whole"));
    peer.read_request();
  });
  Loop loop;
  const Request request = upload(server, folder.file(bytes));
  CHECK(loop.run(request).body == "whole");
  CHECK(loop.run(request).body == "whole");
  CHECK(server.connections() == 2);
}

TEST_CASE("what can't be read is not sent") {
  const Folder folder;
  RawServer server(always(reply(200, "x")));
  Loop loop;
  const std::string fifo = std::string(folder.path) + "/fifo";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  for (const std::string& path : {std::string(folder.path) + "/absent", std::string(folder.path), fifo}) {
    const Response got = loop.run(upload(server, path));
    CHECK(got.fault == Fault::aborted);
    CHECK(got.detail.find(path) != std::string::npos);
  }
  CHECK(server.connections() == 0);
}

TEST_CASE("a file that becomes shorter ends the exchange") {
  const Folder folder;
  const std::string path = folder.file(pattern(20'000'000));
  RawServer server([&](Peer& peer) {
    peer.read_head();
    std::filesystem::resize_file(path, 10);
    peer.stall();
  });
  Loop loop;
  const Response got = loop.run(upload(server, path));
  CHECK(got.fault == Fault::aborted);
  CHECK(got.detail == path + " became shorter while it was sent");
}

TEST_CASE("an upload that the server does not read is stalled") {
  const Folder folder;
  std::promise<void> over;
  RawServer server([&](Peer& peer) {
    peer.read_head();
    over.get_future().wait();
  });
  Loop loop;
  Request request = upload(server, folder.file(pattern(50'000'000)));
  request.stall_timeout = milliseconds(200);
  const Response got = loop.run(std::move(request));
  over.set_value();
  CHECK(got.fault == Fault::timeout);
  CHECK(got.detail == "nothing moved for 200 milliseconds");
}

}  // namespace mjwatchd::http::test
