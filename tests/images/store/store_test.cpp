#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <fstream>
#include <iterator>
#include <optional>

#include "daemon/images/directory_store.hpp"
#include "tests/images/pictures.hpp"
#include "tests/images/store/nginx.hpp"
#include "tests/images/temporary_folder.hpp"
#include "tests/support/raw_server.hpp"

namespace mjwatchd::images::test {

using mjwatchd::test::close_reply;
using mjwatchd::test::RawServer;

namespace {

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Answers a seed at the `ready`-th question.
class SeedGateway final : public Gateway {
 public:
  SeedGateway(asio::io_context& io, int ready) : io_(io), ready_(ready) {}
  void fetch_batch(std::vector<std::string>, std::function<void(FetchReply)>) override {}
  void fetch_one(std::string, std::function<void(FetchReply)>) override {}
  void image_seed(std::string, std::function<void(Seed)> done) override {
    const bool now = ++asked == ready_;
    asio::post(io_, [done = std::move(done), now] {
      Seed seed;
      if (now) seed.seed = "1234567890";
      seed.retry = !now;
      done(seed);
    });
  }
  int asked = 0;

 private:
  asio::io_context& io_;
  int ready_;
};

/// A store in a folder of its own, whose gateway is at `url`.
struct House {
  explicit House(const std::string& url) {
    options.directory = where.path.string();
    options.keep_free = 0;
    options.seed_wait = milliseconds(200);
    options.seed_pause = milliseconds(1);
    options.allow_http = [](const std::string&) { return true; };
    GatewayOptions gateway;
    gateway.name = "gw";
    gateway.url = url;
    gateway.image_url = [url](const std::string& id) { return url + "/mj/image/" + id; };
    gateway.auth_header = "mj-api-secret: s3cret";
    options.gateways.push_back(gateway);
  }

  SaveReport save(const std::string& object, SaveMode mode = SaveMode::image, bool seed = false) {
    if (!store) store = std::make_unique<DirectoryImageStore>(io, client, options);
    std::optional<SaveReport> report;
    SaveOrder order;
    order.key = {"gw", "t1"};
    order.mode = mode;
    order.seed = seed;
    order.object = object;
    store->save(std::move(order), [&](SaveReport got) { report = std::move(got); });
    REQUIRE_FALSE(report.has_value());
    io.restart();
    while (!report && io.run_one_for(std::chrono::seconds(20)) > 0) {
    }
    REQUIRE(report.has_value());
    return *report;
  }

  /// After the store's end: part files are removed by the worker, perhaps after the answer.
  std::size_t files_left() {
    store.reset();
    return where.files();
  }

  TemporaryFolder where;
  asio::io_context io;
  http::Client client{io};
  Options options;
  std::unique_ptr<DirectoryImageStore> store;
};

std::string image_at(const std::string& url) { return R"({"imageUrl":")" + url + "\"}"; }

}  // namespace

TEST_CASE("pictures that nginx serves are saved under their names, one after another") {
  const TemporaryFolder site;
  const std::string png = make_png(64, 32), webp = make_webp(40, 20);
  std::ofstream(site.path / "a.png", std::ios::binary) << png;
  std::ofstream(site.path / "b", std::ios::binary) << webp;
  const TemporaryFolder work;
  const Nginx nginx(work.path, site.path);
  House house(nginx.url());
  const std::string object =
      R"({"imageUrl":")" + nginx.url() + R"(/a.png","imageUrls":[{"url":")" + nginx.url() + R"(/b"}]})";
  const SaveReport report = house.save(object, SaveMode::all);
  CHECK(report.verdict == SaveVerdict::saved);
  CHECK_FALSE(report.result.error);
  REQUIRE(report.result.images.size() == 2);
  CHECK(report.result.images[0].path == (house.where.path / "gw/t1.png").string());
  CHECK(report.result.images[0].url == nginx.url() + "/a.png");
  CHECK(report.result.images[0].width == 64);
  CHECK(contents(report.result.images[0].path) == png);
  CHECK(report.result.images[1].path == (house.where.path / "gw/t1_1.webp").string());
  CHECK(contents(report.result.images[1].path) == webp);
  CHECK(house.files_left() == 2);
}

TEST_CASE("a closed link falls back to the gateway, which alone gets the token") {
  const std::string png = make_png(30, 30);
  const RawServer cdn([](const std::string&) { return close_reply(404, "gone"); });
  const RawServer gateway([&](const std::string&) { return close_reply(200, png); });
  House house(gateway.url());
  const SaveReport report = house.save(image_at(cdn.url() + "/x.png?ex=zz"));
  CHECK(report.verdict == SaveVerdict::saved);
  CHECK(report.result.images.at(0).url == gateway.url() + "/mj/image/t1");
  CHECK_FALSE(has(cdn.requests().at(0), "s3cret"));
  CHECK(has(gateway.requests().at(0), "mj-api-secret: s3cret"));
}

TEST_CASE("a redirect to another host is followed without the token") {
  const std::string png = make_png(30, 30);
  const RawServer cdn([&](const std::string&) { return close_reply(200, png); });
  const RawServer gateway(
      [&](const std::string&) { return close_reply(302, "", "Location: " + cdn.url() + "/there.png\r\n"); });
  House house(gateway.url());
  CHECK(house.save(image_at(gateway.url() + "/x.png")).verdict == SaveVerdict::saved);
  CHECK(has(gateway.requests().at(0), "s3cret"));
  CHECK_FALSE(has(cdn.requests().at(0), "s3cret"));
}

TEST_CASE("no URL and a 4xx from the gateway means that there is no picture") {
  const RawServer gateway([](const std::string&) { return close_reply(404, ""); });
  House house(gateway.url());
  const SaveReport report = house.save(R"({"action":"DESCRIBE","imageUrl":null})");
  CHECK(report.verdict == SaveVerdict::none);
  CHECK(report.result.images.empty());
  CHECK_FALSE(report.result.error);
  CHECK(gateway.requests().size() == 1);
}

TEST_CASE("a 5xx is for later, every way closed is for good") {
  int status = 503;
  const RawServer gateway([&](const std::string&) { return close_reply(status, ""); });
  House house(gateway.url());
  const SaveReport later = house.save(image_at(gateway.url() + "/x.png?sig=secret"));
  CHECK(later.verdict == SaveVerdict::try_again);
  CHECK(has(later.result.error.value(), "/x.png: answered 503"));
  CHECK_FALSE(has(later.result.error.value(), "secret"));
  status = 410;
  CHECK(house.save(image_at(gateway.url() + "/x.png")).verdict == SaveVerdict::gone);
  CHECK(house.files_left() == 0);
}

TEST_CASE("a body cut short is resumed where it broke, if it is still the same thing") {
  const std::string png = make_png(300, 200);
  const std::size_t half = png.size() / 2;
  const RawServer gateway([&](const std::string& head) {
    if (!has(head, "Range: bytes=")) return close_reply(200, png.substr(0, half), "ETag: \"e1\"\r\n", png.size());
    const auto at = std::stoul(head.substr(head.find("Range: bytes=") + 13));
    return close_reply(206, png.substr(at),
                       "ETag: \"e1\"\r\nContent-Range: bytes " + std::to_string(at) + "-" +
                           std::to_string(png.size() - 1) + "/" + std::to_string(png.size()) + "\r\n");
  });
  House house(gateway.url());
  const SaveReport report = house.save(image_at(gateway.url() + "/x.png"));
  CHECK(report.verdict == SaveVerdict::saved);
  CHECK(contents(report.result.images.at(0).path) == png);
  REQUIRE(gateway.requests().size() == 2);
  CHECK(has(gateway.requests()[1], "If-Range: \"e1\""));
}

TEST_CASE("a body cut short without telling never gets a name") {
  const std::string png = make_png(100, 100);
  const RawServer gateway([&](const std::string&) { return close_reply(200, png.substr(0, png.size() - 20)); });
  House house(gateway.url());
  const SaveReport report = house.save(image_at(gateway.url() + "/x.png"));
  CHECK(report.verdict == SaveVerdict::try_again);
  CHECK(has(report.result.error.value(), "cut short"));
  CHECK(house.files_left() == 0);
}

TEST_CASE("a page served as a picture, and one too large, are errors that say so") {
  const RawServer gateway([](const std::string& head) {
    return has(head, "large") ? close_reply(200, make_png(300, 300)) : close_reply(200, "<html>busy</html>");
  });
  House house(gateway.url());
  house.options.max_size = 50000;
  CHECK(has(house.save(image_at(gateway.url() + "/x.png")).result.error.value(), "HTML page: <html>busy</html>"));
  CHECK(has(house.save(image_at(gateway.url() + "/large.png")).result.error.value(), "larger than"));
}

TEST_CASE("an address the guard refuses is not asked, except the gateway's own origin") {
  const std::string png = make_png(30, 30);
  const RawServer inner([&](const std::string&) { return close_reply(200, png); });
  const RawServer gateway(
      [&](const std::string& head) { return has(head, "own") ? close_reply(200, png) : close_reply(404, ""); });
  House house(gateway.url());
  house.options.guard = [](const sockaddr&) { return std::optional<std::string>("not a public address"); };
  const SaveReport report = house.save(image_at(inner.url() + "/x.png"));
  CHECK(report.verdict == SaveVerdict::gone);
  CHECK(has(report.result.error.value(), "not a public address"));
  CHECK(inner.requests().empty());
  CHECK(house.save(image_at(gateway.url() + "/own.png")).verdict == SaveVerdict::saved);
}

TEST_CASE("plain http is refused unless it is allowed, and urls are rewritten first") {
  const std::string png = make_png(30, 30);
  const RawServer inner([&](const std::string&) { return close_reply(200, png); });
  const RawServer gateway(
      [&](const std::string& head) { return has(head, "/x.png") ? close_reply(200, png) : close_reply(404, ""); });
  House house(gateway.url());
  house.options.allow_http = nullptr;
  CHECK(house.save(image_at(inner.url() + "/x.png")).verdict == SaveVerdict::gone);
  CHECK(inner.requests().empty());
  House rewriting(gateway.url());
  rewriting.options.gateways[0].rewrite_urls = {{"http://localhost:3000", gateway.url()}};
  CHECK(rewriting.save(image_at("http://localhost:3000/x.png")).verdict == SaveVerdict::saved);
}

TEST_CASE("a full disk pauses saving, and says so") {
  const RawServer gateway([](const std::string&) { return close_reply(200, make_png(30, 30)); });
  House house(gateway.url());
  house.options.keep_free = ~0ULL;
  CHECK(house.save(image_at(gateway.url() + "/x.png")).verdict == SaveVerdict::try_again);
  CHECK(has(house.store->paused(), "too little free space"));
  CHECK(gateway.requests().empty());
}

TEST_CASE("the seed is asked for again while it is being made, and is null when it does not come") {
  const RawServer server([](const std::string&) { return close_reply(200, make_png(30, 30)); });
  House house(server.url());
  SeedGateway gateway(house.io, 3);
  house.options.gateways[0].gateway = &gateway;
  const SaveReport report = house.save(image_at(server.url() + "/x.png"), SaveMode::image, true);
  CHECK(report.verdict == SaveVerdict::saved);
  CHECK(report.result.seed == "1234567890");
  CHECK(gateway.asked == 3);
  House without(server.url());
  SeedGateway never(without.io, -1);
  without.options.gateways[0].gateway = &never;
  const SaveReport bare = without.save(image_at(server.url() + "/x.png"), SaveMode::image, true);
  CHECK(bare.verdict == SaveVerdict::saved);
  CHECK_FALSE(bare.result.seed);
}

}  // namespace mjwatchd::images::test
