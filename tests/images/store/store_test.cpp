#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>

#include <asio/post.hpp>
#include <atomic>
#include <fstream>
#include <optional>
#include <thread>

#include "tests/images/pictures.hpp"
#include "tests/images/store/house.hpp"
#include "tests/images/store/nginx.hpp"

namespace mjwatchd::images::test {

namespace {

/// Answers a seed at the `ready`-th question; at -1 it answers nothing at all.
class SeedGateway final : public Gateway {
 public:
  SeedGateway(asio::io_context& io, int ready) : io_(io), ready_(ready) {}
  void fetch_batch(std::vector<std::string>, std::function<void(FetchReply)>) override {}
  void fetch_one(std::string, std::function<void(FetchReply)>) override {}
  void image_seed(std::string, std::function<void(Seed)> done) override {
    const bool now = ++asked == ready_;
    if (ready_ < 0) return waiting.push_back(std::move(done));
    asio::post(io_, [done = std::move(done), now] {
      Seed seed;
      if (now) seed.seed = "1234567890";
      seed.retry = !now;
      done(seed);
    });
  }
  int asked = 0;
  std::vector<std::function<void(Seed)>> waiting;

 private:
  asio::io_context& io_;
  int ready_;
};

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
  SeedGateway never(without.io, 1000);
  without.options.gateways[0].gateway = &never;
  const SaveReport bare = without.save(image_at(server.url() + "/x.png"), SaveMode::image, true);
  CHECK(bare.verdict == SaveVerdict::saved);
  CHECK_FALSE(bare.result.seed);
  CHECK(never.asked == 5);
}

TEST_CASE("a seed that does not come holds up the picture by seed_wait at most, and is not wanted afterwards") {
  const RawServer server([](const std::string&) { return close_reply(200, make_png(30, 30)); });
  House house(server.url());
  SeedGateway silent(house.io, -1);
  house.options.gateways[0].gateway = &silent;
  const SaveReport report = house.save(image_at(server.url() + "/x.png"), SaveMode::image, true);
  CHECK(report.verdict == SaveVerdict::saved);
  CHECK(report.result.images.size() == 1);
  CHECK_FALSE(report.result.seed);
  REQUIRE(silent.waiting.size() == 1);
  Gateway::Seed late;
  late.seed = "1234567890";
  silent.waiting[0](late);  // to nobody
  CHECK(house.store->orders() == 0);
}

TEST_CASE("without a picture that will come again, nobody waits for the seed") {
  const RawServer server([](const std::string&) { return close_reply(503, ""); });
  House house(server.url());
  house.options.seed_wait = std::chrono::hours(1);
  SeedGateway silent(house.io, -1);
  house.options.gateways[0].gateway = &silent;
  CHECK(house.save(image_at(server.url() + "/x.png"), SaveMode::image, true).verdict == SaveVerdict::try_again);
}

TEST_CASE("while a picture waits for where it stays, its turn at fetching is another's") {
  const std::string png = make_png(64, 32);
  const RawServer cdn([&png](const std::string&) { return close_reply(200, png); });
  // A bucket that takes nothing until both pictures were asked for.
  std::atomic<int> put = 0;
  const RawServer bucket([&](const std::string& request) {
    if (!request.starts_with("PUT ")) return close_reply(404, "");
    for (int i = 0; cdn.requests().size() < 2 && i < 2000; ++i) std::this_thread::sleep_for(milliseconds(10));
    put += cdn.requests().size() == 2 ? 1 : 0;
    return close_reply(200, "", "ETag: \"e\"\r\n");
  });
  House house(cdn.url());
  house.options.max_downloads = 1;
  house.options.s3 = S3Options{"bucket", "", bucket.url(), "eu-west-1", true, "key", "secret", "", "", ""};
  house.store = std::make_unique<DirectoryImageStore>(house.io, house.client, house.options);
  int saved = 0;
  for (const char* id : {"t1", "t2"}) {
    SaveOrder order;
    order.key = {"gw", id};
    order.object = image_at(cdn.url() + "/" + id + ".png");
    house.store->save(std::move(order), [&](const SaveReport& got) { saved += got.verdict == SaveVerdict::saved; });
  }
  run_until(house.io, [&] { return saved == 2; });
  CHECK(put.load() == 2);
}

}  // namespace mjwatchd::images::test
