#include "daemon/images/verify.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "daemon/images/png_walk.hpp"
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

TEST_CASE("a PNG is judged as it comes just as when it is read, in pieces of any size") {
  const std::string whole = make_png(31, 17);
  std::string flipped = whole, endless = whole.substr(0, 33) + "\xff\xff\xff\xff" + whole.substr(37);
  flipped[whole.size() / 2] = static_cast<char>(flipped[whole.size() / 2] ^ 1);
  const std::string bare = whole.substr(0, 33) + whole.substr(whole.size() - 12);
  for (const std::string& bytes : {whole, whole + "more", whole.substr(0, whole.size() - 5), whole.substr(0, 20),
                                   flipped, endless, bare, whole.substr(0, 8), whole.substr(0, 8) + whole.substr(33)}) {
    const Verdict read = look(bytes);
    for (const std::size_t step : {1U, 2U, 3U, 7U, 64U, 100'000U}) {
      PngWalk walk;
      for (std::size_t at = 0; at < bytes.size(); at += step) walk.take(std::string_view(bytes).substr(at, step));
      const Verdict came = walk.verdict();
      CHECK(came.error == read.error);
      CHECK(came.cut == read.cut);
      CHECK(came.width == read.width);
      CHECK(came.height == read.height);
    }
  }
  CHECK(look(whole).width == 31);
  CHECK(look(endless).error == "the PNG is broken: a chunk is longer than the format allows");
  CHECK(look(bare).error == "the PNG is broken: it has no image data");
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
