// Bytes that no client would send: the server answers or closes, and goes on serving.
#include <doctest/doctest.h>

#include <random>

#include "tests/http/server_fixture.hpp"

using namespace mjwatchd::http;
using namespace mjwatchd::http::test;

namespace {

using Random = std::mt19937_64;

std::size_t below(Random& random, std::size_t bound) { return bound == 0 ? 0 : random() % bound; }

std::vector<std::string> corpus() {
  return {
      get("/v1/tasks/1?wait=30s&x=%20"),
      post("/v1/tasks", R"({"ids":["1","2"]})"),
      "HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
      "PUT /v1/tasks/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
      "chunked\r\n\r\n5\r\nhello\r\n1;a=\"b\"\r\n!\r\n0\r\nT: v\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
      "GET http://h/x HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
      get("/stream") + get("/drop") + get("/throw") + get("/"),
  };
}

std::string random_bytes(Random& random) {
  std::string bytes(below(random, 2000), '\0');
  for (auto& c : bytes) c = static_cast<char>(random());
  return bytes;
}

/// Some requests, with a few of their bytes changed, removed, doubled or moved.
std::string mutated(Random& random) {
  static const auto requests = corpus();
  static const std::string spice = std::string("\r\n\t :;,%/?#+-0fF\x7f\xff\"") + '\0';
  std::string bytes;
  for (auto i = below(random, 4) + 1; i > 0; --i) bytes += requests[below(random, requests.size())];
  for (auto i = below(random, 6); i > 0 && !bytes.empty(); --i) {
    const auto at = below(random, bytes.size());
    const auto size = below(random, std::min<std::size_t>(20, bytes.size() - at));
    switch (below(random, 6)) {
      case 0:
        bytes[at] = static_cast<char>(random());
        break;
      case 1:
        bytes[at] = spice[below(random, spice.size())];
        break;
      case 2:
        bytes.insert(at, 1, spice[below(random, spice.size())]);
        break;
      case 3:
        bytes.erase(at, size);
        break;
      case 4:
        bytes.insert(at, bytes.substr(at, size));
        break;
      default:
        bytes.insert(below(random, bytes.size()), bytes.substr(at, size));
        break;
    }
  }
  return bytes;
}

void serve(const ServerRequest& request, const ResponderPtr& to) {
  const std::string name = request.path.empty() ? "" : request.path[0];
  if (name == "drop") return;
  if (name == "throw") throw std::runtime_error("as asked");
  if (name == "stream") {
    const auto stream = to->stream(text(""));
    stream->write("one");
    stream->write("two");
    return;
  }
  to->reply(text(request.body + request.target));
}

/// Everything sent in some pieces, over either kind of socket; then the end.
void attack(const RunningServer& server, Random& random, const std::string& bytes) {
  RawClient client(server, below(random, 2) == 0 ? RawClient::Over::tcp : RawClient::Over::unix_socket);
  try {
    for (std::size_t at = 0; at < bytes.size();) {
      const auto size = below(random, bytes.size() - at) + 1;
      client.send(std::string_view(bytes).substr(at, size));
      at += size;
    }
  } catch (const std::system_error&) {  // it has closed already
    return;
  }
  switch (below(random, 4)) {
    case 0:
      client.reset();
      return;
    case 1:
      client.close();
      return;
    default:
      break;
  }
  client.end_sending();
  const auto answers = client.read_to_end();
  const bool plausible = answers.empty() || answers.starts_with("HTTP/1.1 ");
  CHECK(plausible);
}

void attack_with(std::string (*make)(Random&), int times) {
  RunningServer server(serve);
  for (int seed = 0; seed < times; ++seed) {
    CAPTURE(seed);
    Random random(static_cast<std::uint64_t>(seed));
    attack(server, random, make(random));
    if (seed % 100 == 0) CHECK(talk(server, get("/still")).ends_with("/still"));
  }
  CHECK(server.settles_at(0));
}

}  // namespace

TEST_CASE("random bytes do no harm") { attack_with(random_bytes, 1000); }

TEST_CASE("mutated requests do no harm") { attack_with(mutated, 4000); }

TEST_CASE("requests cut off anywhere do no harm and are never handled") {
  int handled = 0;
  RunningServer server([&handled](const ServerRequest&, const ResponderPtr& to) {
    ++handled;
    to->reply(text("fine"));
  });
  for (const auto& whole : {corpus()[0], corpus()[1], corpus()[3]}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      CAPTURE(whole);
      CAPTURE(size);
      CHECK(talk(server, whole.substr(0, size)).empty());
    }
  }
  CHECK(handled == 0);
  CHECK(server.settles_at(0));
}

TEST_CASE("requests mean the same however they are cut into pieces") {
  RunningServer server(serve);
  Random random(7);
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    const auto bytes = mutated(random);
    const auto whole = talk(server, bytes, RawClient::Over::unix_socket);
    RawClient client(server, RawClient::Over::unix_socket);
    try {
      for (const char c : bytes) client.send({&c, 1});
      client.end_sending();
    } catch (const std::system_error&) {  // refused in the middle
    }
    // 100 Continue comes or not, according to whether the body was there.
    const auto comparable = [](std::string answers) {
      for (const std::string drop : {"HTTP/1.1 100 Continue\r\n\r\n"}) {
        while (answers.find(drop) != std::string::npos) answers.erase(answers.find(drop), drop.size());
      }
      std::string out;
      for (std::size_t at = 0; at < answers.size();) {
        const auto end = std::min(answers.find('\n', at), answers.size() - 1) + 1;
        if (answers.compare(at, 5, "date:") != 0) out += answers.substr(at, end - at);
        at = end;
      }
      return out;
    };
    CHECK(comparable(client.read_to_end()) == comparable(whole));
  }
}
