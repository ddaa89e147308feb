#include "daemon/images/verify.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/images/pictures.hpp"

namespace mjwatchd::images::test {

namespace {

Verdict look(const std::string& bytes) {
  MemorySource source(bytes);
  return verify(source);
}

struct Sample {
  PictureType type;
  std::string bytes;
  unsigned width, height;
};

std::vector<Sample> samples() {
  return {{PictureType::png, make_png(61, 47), 61, 47},         {PictureType::jpeg, make_jpeg(61, 47), 61, 47},
          {PictureType::jpeg, make_jpeg(61, 47, true), 61, 47}, {PictureType::webp, make_webp(61, 47), 61, 47},
          {PictureType::webp, make_webp(61, 47, true), 61, 47}, {PictureType::gif, make_gif(), 3, 2},
          {PictureType::mp4, make_mp4(640, 360), 640, 360},     {PictureType::webm, make_webm(640, 360), 640, 360}};
}

}  // namespace

TEST_CASE("a whole picture of each format is known by its content and measured") {
  for (const Sample& sample : samples()) {
    CAPTURE(content_type(sample.type));
    const Verdict verdict = look(sample.bytes);
    CHECK(verdict.error == "");
    REQUIRE(verdict.type == sample.type);
    CHECK(verdict.width == sample.width);
    CHECK(verdict.height == sample.height);
  }
}

TEST_CASE("a picture cut at any length is refused") {
  for (const Sample& sample : samples()) {
    CAPTURE(content_type(sample.type));
    for (std::size_t length = 0; length < sample.bytes.size(); ++length) {
      const Verdict verdict = look(sample.bytes.substr(0, length));
      if (verdict.error.empty()) FAIL("accepted at " << length << " of " << sample.bytes.size());
      if (length >= 16 && !verdict.cut) FAIL("not called cut at " << length << ": " << verdict.error);
    }
  }
}

TEST_CASE("a PNG with one wrong byte inside is refused by its CRC") {
  const std::string whole = make_png(31, 17);
  for (std::size_t at = 16; at < whole.size(); at += 7) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x20);
    CHECK_FALSE(look(bytes).error.empty());
  }
}

TEST_CASE("a page or JSON served as a picture is quoted in the error") {
  CHECK(look("\n<!DOCTYPE html>\n<html>").error == "not a picture but an HTML page: <!DOCTYPE html>");
  CHECK(look("{\"code\":4,\"description\":\"gone\"}").error ==
        "not a picture but JSON: {\"code\":4,\"description\":\"gone\"}");
  CHECK(look("").error == "the answer is empty");
  const std::string hostile = look("<\x1b[31m" + std::string(5000, 'x')).error;
  CHECK(hostile.size() < 200);
  CHECK(hostile.find('\x1b') == std::string::npos);
}

TEST_CASE("hostile bytes are answered, never followed out of the file") {
  std::mt19937 random(7);
  for (const Sample& sample : samples()) {
    for (int round = 0; round < 400; ++round) {
      std::string bytes = sample.bytes;
      for (int i = 0; i < 4; ++i) bytes[4 + random() % (bytes.size() - 4)] = static_cast<char>(random());
      const Verdict verdict = look(bytes);
      CHECK((verdict.error.empty() || verdict.error.size() < 300));
    }
  }
}

}  // namespace mjwatchd::images::test
