#include "daemon/images/s3_address.hpp"

#include <doctest/doctest.h>

namespace mjwatchd::images::test {

TEST_CASE("a place in an object store is a bucket and a prefix without slashes at its ends") {
  std::string wrong;
  const auto place = parse_s3_place("s3://my-bucket/made by/us/", wrong);
  REQUIRE(place);
  CHECK(place->bucket == "my-bucket");
  CHECK(place->prefix == "made by/us");
  const auto bare = parse_s3_place("s3://pictures.example", wrong);
  REQUIRE(bare);
  CHECK(bare->prefix.empty());
  CHECK(parse_s3_place("s3://abc/", wrong)->prefix.empty());
}

TEST_CASE("what is no place in an object store is refused with what would be one") {
  for (const char* text :
       {"", "s3:/bucket", "s3://", "s3:///x", "s3://ab/x", "s3://Bucket/x", "s3://-ab/x", "s3://a_b/x",
        "s3://bucket//x", "s3://bucket/a//b", "s3://bucket/a\nb", "https://bucket/x"}) {
    CAPTURE(text);
    std::string wrong;
    CHECK_FALSE(parse_s3_place(text, wrong));
    CHECK_FALSE(wrong.empty());
  }
  std::string wrong;
  CHECK_FALSE(parse_s3_place("s3://bucket/" + std::string(600, 'x'), wrong));
}

TEST_CASE("a key is encoded as signatures want it") {
  CHECK(encode_key("gw/1712_1.png") == "gw/1712_1.png");
  CHECK(encode_key("a b+c:d~e") == "a%20b%2Bc%3Ad~e");
  CHECK(encode_key("\xc3\xbc") == "%C3%BC");
}

TEST_CASE("the bucket stands in the path or in the host") {
  CHECK(S3Address("http://127.0.0.1:9000", "pictures", true).url("a b.png") ==
        "http://127.0.0.1:9000/pictures/a%20b.png");
  CHECK(S3Address("https://s3.eu-west-1.amazonaws.com", "pictures", false).url("x.png", "uploads=") ==
        "https://pictures.s3.eu-west-1.amazonaws.com/x.png?uploads=");
}

TEST_CASE("the few words of an answer are found, and what is written is escaped") {
  CHECK(xml_text("<E><Code>NoSuchBucket</Code><Message>a &amp; b &lt;c&gt; &#x41;</Message></E>", "Message") ==
        "a & b <c> &#x41;");
  CHECK(xml_text("<UploadId></UploadId>", "UploadId").empty());
  CHECK(xml_text("<UploadId>abc", "UploadId").empty());
  CHECK(xml_text("</UploadId>abc<UploadId>", "UploadId").empty());
  CHECK(xml_text("", "Code").empty());
  CHECK(xml_escaped("\"a\"<&>'") == "&quot;a&quot;&lt;&amp;&gt;&apos;");
}

}  // namespace mjwatchd::images::test
