#include "daemon/images/plan.hpp"

#include <doctest/doctest.h>

#include <optional>

#include "daemon/images/name_pattern.hpp"
#include "daemon/images/origin.hpp"

namespace mjwatchd::images::test {

namespace {

using Kind = gateway::PictureLink::Kind;
constexpr WallTime kNow{std::chrono::milliseconds{1'000'000}};
const std::string kOwn = "https://gw.example/mj/image/t1";

GatewayOptions gateway_options() {
  GatewayOptions gateway;
  gateway.name = "gw";
  gateway.url = "https://gw.example";
  gateway.image_url = [](const std::string& id) { return "https://gw.example/mj/image/" + id; };
  return gateway;
}

Plan plan(SaveMode mode, std::vector<gateway::PictureLink> links) {
  SaveOrder order;
  order.key = {"gw", "t1"};
  order.mode = mode;
  return make_plan(order, std::move(links), gateway_options(), kNow);
}

const gateway::PictureLink kGrid{"https://cdn/grid.png", Kind::image, std::nullopt};
const gateway::PictureLink kPart{"https://cdn/part.png", Kind::part, std::nullopt};
const gateway::PictureLink kVideo{"https://cdn/v.mp4", Kind::video, std::nullopt};
using Sources = std::vector<std::string>;

}  // namespace

TEST_CASE("one picture is sought at its URL, then at the gateway, then among the parts") {
  const Plan got = plan(SaveMode::image, {kGrid, kPart, kVideo});
  REQUIRE(got.wishes.size() == 1);
  CHECK(got.wishes[0].sources == Sources{kGrid.url, kOwn, kPart.url});
  CHECK_FALSE(got.probe);
}

TEST_CASE("a link that has expired comes after every other way") {
  auto grid = kGrid;
  grid.expires = kNow;
  CHECK(plan(SaveMode::image, {grid, kPart}).wishes.at(0).sources == Sources{kOwn, kPart.url, grid.url});
}

TEST_CASE("without any picture URL the gateway is asked once") {
  const Plan got = plan(SaveMode::image, {});
  REQUIRE(got.wishes.size() == 1);
  CHECK(got.wishes[0].sources == Sources{kOwn});
  CHECK(got.probe);
}

TEST_CASE("all takes every link, video only the videos, none nothing") {
  const Plan all = plan(SaveMode::all, {kGrid, kPart, kVideo});
  REQUIRE(all.wishes.size() == 3);
  CHECK(all.wishes[0].sources == Sources{kGrid.url, kOwn});
  CHECK(all.wishes[1].sources == Sources{kPart.url});
  CHECK(all.wishes[2].sources == Sources{kVideo.url});
  CHECK(plan(SaveMode::video, {kGrid, kVideo}).wishes.at(0).sources == Sources{kVideo.url});
  CHECK(plan(SaveMode::video, {kGrid}).wishes.empty());
  CHECK(plan(SaveMode::none, {kGrid}).wishes.empty());
}

TEST_CASE("a URL is rewritten by its longest prefix, at a boundary only") {
  const std::map<std::string, std::string> rules{{"http://localhost:3000", "https://a"},
                                                 {"http://localhost:3000/img", "https://b"}};
  CHECK(rewritten("http://localhost:3000/x.png", rules) == "https://a/x.png");
  CHECK(rewritten("http://localhost:3000/img/x.png", rules) == "https://b/x.png");
  CHECK(rewritten("http://localhost:30001/x.png", rules) == "http://localhost:30001/x.png");
}

TEST_CASE("an origin is scheme, host and port, whatever the spelling") {
  CHECK(origin_of("https://Gw.Example/a") == origin_of("HTTPS://gw.example:443/b"));
  CHECK(origin_of("https://gw.example") != origin_of("http://gw.example"));
  CHECK(origin_of("https://gw.example") != origin_of("https://gw.example:8443"));
  CHECK(origin_of("https://gw.example") != origin_of("https://gw.example.evil"));
  CHECK(origin_of("https://gw.example") != origin_of("https://gw.example@evil"));
  CHECK_FALSE(origin_of("file:///etc/passwd"));
  CHECK(shown("https://user:pw@cdn.example/a.png?token=s#f") == "https://cdn.example/a.png");
}

TEST_CASE("a name never leads out of the folder") {
  const NamePattern pattern("{gateway}/{id}{suffix}{ext}");
  CHECK(pattern.parts({"gw", "t"}, 0, ".png") == std::vector<std::string>{"gw", "t.png"});
  CHECK(pattern.parts({"gw", "t"}, 2, ".png") == std::vector<std::string>{"gw", "t_2.png"});
  CHECK_THROWS_AS((void)pattern.parts({"..", "t"}, 0, ".png"), std::invalid_argument);
  CHECK_THROWS_AS((void)pattern.parts({"gw", "a/b"}, 0, ".png"), std::invalid_argument);
  for (const char* bad : {"/x/{id}{suffix}{ext}", "../{id}{suffix}{ext}", "a//{id}{suffix}{ext}", "{id}{ext}",
                          "{id}{suffix}", "{suffix}/{id}{suffix}{ext}", "{who}{id}{suffix}{ext}", "{id", ""}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(NamePattern{bad}, std::invalid_argument);
  }
}

}  // namespace mjwatchd::images::test
