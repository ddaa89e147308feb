// Transfers that break and go on.
#include <doctest/doctest.h>

#include <fstream>

#include "tests/images/pictures.hpp"
#include "tests/images/store/house.hpp"
#include "tests/images/store/nginx.hpp"

namespace mjwatchd::images::test {

namespace {

constexpr std::size_t kCut = 70'000;

/// Where the request wants to begin; nothing without a Range.
std::optional<std::size_t> asked_from(const std::string& head) {
  const auto at = head.find("Range: bytes=");
  if (at == std::string::npos) return std::nullopt;
  return std::stoul(head.substr(at + 13));
}

std::string part_of(const std::string& picture, std::size_t from, const std::string& headers) {
  return close_reply(206, picture.substr(from),
                     headers + "Content-Range: bytes " + std::to_string(from) + "-" +
                         std::to_string(picture.size() - 1) + "/" + std::to_string(picture.size()) + "\r\n");
}

std::string cut(const std::string& picture, const std::string& headers) {
  return close_reply(200, picture.substr(0, kCut), headers, picture.size());
}

/// The first answer of `picture` breaks off; then `next` answers.
struct Broken {
  explicit Broken(std::string validators, std::function<std::string(const std::string& head, std::size_t from)> next)
      : server([this, validators, next](const std::string& head) {
          if (const auto from = asked_from(head)) return next(head, *from);
          return first++ == 0 ? cut(picture, validators) : close_reply(200, picture, validators);
        }),
        house(server.url()) {}

  std::string picture = make_png(300, 200);
  int first = 0;
  RawServer server;
  House house;
};

}  // namespace

TEST_CASE("a body cut short is resumed where it broke, if it is still the same thing") {
  std::string validators, wanted;
  SUBCASE("by its ETag") {
    validators = "ETag: \"e1\"\r\nLast-Modified: Mon, 23 Nov 2026 08:00:00 GMT\r\n";
    wanted = "If-Range: \"e1\"\r\n";
  }
  SUBCASE("by when it was changed, without one") {
    validators = "Last-Modified: Mon, 23 Nov 2026 08:00:00 GMT\r\n";
    wanted = "If-Range: Mon, 23 Nov 2026 08:00:00 GMT\r\n";
  }
  std::string picture;
  Broken w(validators, [&](const std::string&, std::size_t from) { return part_of(picture, from, validators); });
  picture = w.picture;
  const SaveReport report = w.house.save(image_at(w.server.url() + "/x.png"));
  CHECK(report.verdict == SaveVerdict::saved);
  CHECK(contents(report.result.images.at(0).path) == w.picture);
  REQUIRE(w.server.requests().size() == 2);
  CHECK(asked_from(w.server.requests()[1]) == kCut);
  CHECK(has(w.server.requests()[1], wanted));
}

TEST_CASE("a transfer that takes too long goes on where it was") {
  const std::string picture = make_png(300, 200);
  const RawServer server([&](mjwatchd::test::Peer& peer) {
    const std::string head = peer.read_request();
    const std::size_t from = asked_from(head).value_or(0);
    if (from > 0) {
      peer.send(part_of(picture, from, "ETag: \"e1\"\r\n"));
    } else {
      peer.send(cut(picture, "ETag: \"e1\"\r\n"));
      peer.stall();
    }
  });
  House house(server.url());
  house.options.stall_timeout = milliseconds(500);
  const SaveReport report = house.save(image_at(server.url() + "/x.png"));
  INFO(report.result.error.value_or(""));
  CHECK(report.verdict == SaveVerdict::saved);
  CHECK(contents(report.result.images.at(0).path) == picture);
  CHECK(server.connections() == 2);
}

TEST_CASE("a weak ETag proves no sameness of bytes, so that the transfer begins anew") {
  const std::string weak = "ETag: W/\"e1\"\r\nLast-Modified: Mon, 23 Nov 2026 08:00:00 GMT\r\n";
  Broken w(weak, [](const std::string&, std::size_t) { return close_reply(500, ""); });
  const SaveReport report = w.house.save(image_at(w.server.url() + "/x.png"));
  CHECK(report.verdict == SaveVerdict::saved);
  CHECK(contents(report.result.images.at(0).path) == w.picture);
  REQUIRE(w.server.requests().size() == 2);
  CHECK_FALSE(has(w.server.requests()[1], "Range"));
}

TEST_CASE("an object that has changed since starts over") {
  const std::string other = make_png(64, 48);
  std::function<std::string(const std::string&, std::size_t)> next;
  SUBCASE("the server sends the whole of the new one") {
    next = [&](const std::string&, std::size_t) { return close_reply(200, other, "ETag: \"e2\"\r\n"); };
  }
  SUBCASE("the new one is shorter than what is there") {
    next = [&](const std::string&, std::size_t) { return close_reply(416, ""); };
  }
  SUBCASE("the server sends another part than was asked for") {
    next = [&](const std::string&, std::size_t) { return part_of(other, 5, "ETag: \"e2\"\r\n"); };
  }
  Broken w("ETag: \"e1\"\r\n", next);
  const SaveReport report = w.house.save(image_at(w.server.url() + "/x.png"));
  CHECK(report.verdict == SaveVerdict::saved);
  const std::string saved = contents(report.result.images.at(0).path);
  CHECK((saved == other || saved == w.picture));
  CHECK(saved.size() == report.result.images.at(0).bytes);
}

TEST_CASE("a transfer that breaks again and again is left for a later try, without its bytes") {
  std::string picture;
  Broken w("ETag: \"e1\"\r\n", [&](const std::string&, std::size_t from) {
    return close_reply(206, picture.substr(from, 1000),
                       "ETag: \"e1\"\r\nContent-Range: bytes " + std::to_string(from) + "-" +
                           std::to_string(picture.size() - 1) + "/" + std::to_string(picture.size()) + "\r\n",
                       picture.size() - from);
  });
  picture = w.picture;
  CHECK(w.house.save(image_at(w.server.url() + "/x.png")).verdict == SaveVerdict::try_again);
  CHECK(w.server.requests().size() == 3);
  CHECK(w.house.files_left() == 0);
}

TEST_CASE("nginx resumes what its proxy cut off, and gives the whole of what has changed") {
  const TemporaryFolder site;
  const std::string old = make_png(300, 200), fresh = make_png(200, 300);
  std::ofstream(site.path / "a.png", std::ios::binary) << old;
  const TemporaryFolder work;
  const Nginx nginx(work.path, site.path);
  bool change = false;
  SUBCASE("the same") {}
  SUBCASE("changed") { change = true; }
  // Passes each request on to nginx, and breaks off the first answer.
  std::size_t passed = 0;
  const RawServer proxy([&](const std::string& head) {
    const std::string whole = nginx.ask(head);
    if (passed++ > 0) return whole;
    if (change) std::ofstream(site.path / "a.png", std::ios::binary) << fresh;
    return whole.substr(0, whole.size() - old.size() + kCut);
  });
  House house(proxy.url());
  const SaveReport report = house.save(image_at(proxy.url() + "/a.png"));
  CHECK(report.verdict == SaveVerdict::saved);
  CHECK(contents(report.result.images.at(0).path) == (change ? fresh : old));
  REQUIRE(proxy.requests().size() == 2);
  CHECK(asked_from(proxy.requests()[1]) == kCut);
  CHECK(has(proxy.requests()[1], "If-Range: \""));
}

}  // namespace mjwatchd::images::test
