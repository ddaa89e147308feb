#include "daemon/gateway/links.hpp"

#include <doctest/doctest.h>

#include <string>

namespace mjwatchd::gateway::test {
namespace {

using Kind = PictureLink::Kind;

/// "i:URL p:URL v:URL", in order.
std::string listed(std::string_view object) {
  std::string text;
  for (const PictureLink& link : picture_links(object)) {
    if (!text.empty()) text += ' ';
    text += std::string(1, "ipv"[static_cast<int>(link.kind)]) + ":" + link.url;
  }
  return text;
}

std::int64_t expires(const std::string& url) {
  const auto links = picture_links(R"({"imageUrl":")" + url + R"("})");
  REQUIRE(links.size() == 1);
  return links[0].expires ? links[0].expires->time_since_epoch().count() : -1;
}

}  // namespace

TEST_CASE("the grid comes first, then its parts, then videos, each once") {
  CHECK(
      listed(
          R"({"videoUrls":[{"url":"v2"}],"videoUrl":"v1","imageUrls":["a",{"url":"b","thumbnail":"t"},"g"],"imageUrl":"g"})") ==
      "i:g p:a p:b v:v1 v:v2");
}

TEST_CASE("every spelling of the lists is read") {
  CHECK(listed(R"({"image_urls":["a"],"images":[{"url":"b"}],"image_url":"g","video_urls":["v"]})") ==
        "i:g p:a p:b v:v");
  CHECK(listed(R"({"imageUrls":"[\"a\",{\"url\":\"b\"}]"})") == "p:a p:b");
}

TEST_CASE("a video among the images is a video, whatever follows its name") {
  CHECK(listed(R"({"imageUrl":"https://c/x.MP4?ex=1#f","imageUrls":["https://c/y.webm","https://c/z.png?n=.mp4"]})") ==
        "v:https://c/x.MP4?ex=1#f v:https://c/y.webm p:https://c/z.png?n=.mp4");
}

TEST_CASE("null, empty and unusable values name no picture") {
  CHECK(listed(R"({"imageUrl":null,"imageUrls":null,"videoUrl":"","images":[null,{},"",{"url":null},5]})").empty());
  CHECK(listed(R"({"imageUrl":"https://a/b c.png","videoUrl":"https://a/\nX: y"})").empty());
  CHECK(listed(R"({"imageUrl":")" + std::string(9000, 'a') + R"("})").empty());
  CHECK(listed("").empty());
  CHECK(listed("[]").empty());
  CHECK(listed("<html>").empty());
}

TEST_CASE("the picture's own address behind the gateway's is another way to it") {
  CHECK(listed(R"({"imageUrl":"https://mine/a.png","imageRawUrl":"https://cdn/a.png","images":[]})") ==
        "i:https://mine/a.png i:https://cdn/a.png");
}

TEST_CASE("ex= is hexadecimal Unix seconds") {
  CHECK(expires("https://cdn/a.png?ex=65b740a4&is=65a4cba4&hm=de&") == 0x65b740a4LL * 1000);
  CHECK(expires("https://cdn/a.png?is=65a4cba4&ex=6836daff") == 0x6836daffLL * 1000);
  CHECK(expires("https://cdn/a.png") == -1);
  CHECK(expires("https://cdn/ex=65b740a4.png") == -1);
  CHECK(expires("https://cdn/a.png?hex=65b740a4") == -1);
}

TEST_CASE("an ex= that is no such time is none") {
  for (const char* bad : {"", "zz", "1", "ffffffffffffffffffff", "65b740a4x", "-65b740a4"}) {
    CAPTURE(bad);
    CHECK(expires(std::string("https://cdn/a.png?ex=") + bad) == -1);
  }
}

TEST_CASE("the earliest expiry is that of all links") {
  const auto earliest = earliest_expiry(R"({"imageUrl":"a?ex=65b740a4","imageUrls":["b?ex=65b740a0","c"]})");
  REQUIRE(earliest);
  CHECK(earliest->time_since_epoch().count() == 0x65b740a0LL * 1000);
  CHECK_FALSE(earliest_expiry(R"({"imageUrl":"a"})"));
}

TEST_CASE("a flood of links is cut") {
  std::string flood = R"({"imageUrls":[)";
  for (int i = 0; i < 5000; ++i) flood += (i == 0 ? "\"u" : ",\"u") + std::to_string(i) + "\"";
  CHECK(picture_links(flood + "]}").size() == 256);
}

TEST_CASE("an expiry is found however the link was escaped") {
  CHECK(earliest_expiry(R"({"imageUrls":"[\"a?ex\\u003d65b740a0\"]"})"));
  CHECK_FALSE(earliest_expiry(R"({"imageUrl":"a?x=65b740a0","prompt":"next"})"));
}

}  // namespace mjwatchd::gateway::test
