// Saved pictures over the socket.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "tests/control/running_control.hpp"

using namespace mjwatchd;
using namespace mjwatchd::control;
using namespace mjwatchd::control::test;

namespace {

namespace fs = std::filesystem;

const std::string kBytes = "0123456789abcdefghij";
constexpr const char* kDigest = "b0ba5c4d";

/// A daemon with an ended task that has two pictures in the folder.
struct Gallery {
  Gallery() {
    fs::create_directory(folder());
    control.on_loop([&] {
      control.desk.folder = folder();
      auto& view = control.desk.add({"octopusx", "t1"});
      view.record.phase = Phase::done;
      view.ending = Ending::succeeded;
    });
    add(folder() + "/t1.png", "image/png");
    add(folder() + "/t1_1.webp", "image/webp");
  }

  [[nodiscard]] std::string folder() const { return control.folder() + "/images"; }
  void add(const std::string& path, const std::string& type, bool write = true) {
    if (write) std::ofstream(path, std::ios::binary) << kBytes;
    control.on_loop([&] {
      control.desk.at({"octopusx", "t1"})
          .images.images.push_back({path, "https://cdn.example/x", kDigest, kBytes.size(), type, 0, 0});
    });
  }
  Reply get(const std::string& tail, const std::vector<std::string>& headers = {}, const std::string& method = "GET") {
    return control.call(method, "/v1/tasks/t1/" + tail, "", headers);
  }

  RunningControl control;
};

}  // namespace

TEST_CASE_FIXTURE(Gallery, "a picture comes with its type, tag and length") {
  const auto first = get("image");
  CHECK(first.status == 200);
  CHECK(first.body == kBytes);
  CHECK(first.headers.at("content-type") == "image/png");
  CHECK(first.headers.at("etag") == "\"b0ba5c4d\"");
  CHECK(first.headers.at("accept-ranges") == "bytes");
  CHECK(first.headers.at("content-disposition") == "inline; filename=\"t1.png\"");
  CHECK(first.headers.at("x-content-type-options") == "nosniff");
  CHECK(get("images/0").body == kBytes);
  CHECK(get("images/1").headers.at("content-type") == "image/webp");
  CHECK(is_problem(get("images/2"), 404, "it has 2, counted from 0"));
  CHECK(is_problem(get("images/x"), 404, "no picture's number"));
  CHECK(is_problem(get("images/-1"), 404, "no picture's number"));
  CHECK(is_problem(get("images/99999999999999999999"), 404, "no picture's number"));
}

TEST_CASE_FIXTURE(Gallery, "HEAD tells the length without the bytes") {
  const auto head = get("image", {}, "HEAD");
  CHECK(head.status == 200);
  CHECK(head.headers.at("content-length") == "20");
  CHECK(head.headers.at("etag") == "\"b0ba5c4d\"");
}

TEST_CASE_FIXTURE(Gallery, "a range is 206, one outside 416, a stale one the whole") {
  const auto part = get("image", {"Range: bytes=5-8"});
  CHECK(part.status == 206);
  CHECK(part.body == "5678");
  CHECK(part.headers.at("content-range") == "bytes 5-8/20");
  CHECK(get("image", {"Range: bytes=-3"}).body == "hij");
  CHECK(get("image", {"Range: bytes=18-"}).body == "ij");
  const auto outside = get("image", {"Range: bytes=20-"});
  CHECK(is_problem(outside, 416, "20 bytes"));
  CHECK(outside.headers.at("content-range") == "bytes */20");
  CHECK(get("image", {"Range: bytes=1-2", "If-Range: \"b0ba5c4d\""}).status == 206);
  CHECK(get("image", {"Range: bytes=1-2", "If-Range: \"other\""}).body == kBytes);
}

TEST_CASE_FIXTURE(Gallery, "If-None-Match saves the bytes") {
  const auto same = get("image", {"If-None-Match: \"b0ba5c4d\""});
  CHECK(same.status == 304);
  CHECK(same.body.empty());
  CHECK(same.headers.at("etag") == "\"b0ba5c4d\"");
  CHECK(get("image", {"If-None-Match: \"other\""}).status == 200);
}

TEST_CASE_FIXTURE(Gallery, "only files inside the picture folder are served, links followed") {
  const auto outside = control.folder() + "/secret.png";
  add(outside, "image/png");
  add(folder() + "/../secret.png", "image/png", false);
  fs::create_symlink(outside, folder() + "/link.png");
  add(folder() + "/link.png", "image/png", false);
  add(folder() + "-evil.png", "image/png");
  for (const char* number : {"2", "3", "4", "5"}) {
    CHECK(is_problem(get(std::string("images/") + number), 404, "lies outside"));
  }
  control.on_loop([&] { control.desk.folder.clear(); });
  CHECK(is_problem(get("image"), 404, "lies outside"));
}

TEST_CASE_FIXTURE(Gallery, "a file that is missing, changed or elsewhere says so") {
  fs::remove(folder() + "/t1.png");
  CHECK(is_problem(get("image"), 404, "cannot be read: No such file"));
  std::ofstream(folder() + "/t1.png") << "short";
  CHECK(is_problem(get("image"), 404, "has 5 bytes, but 20 were saved"));
  add("s3://bucket/t1.png", "image/png", false);
  control.on_loop([&] { control.desk.fetch_error = "s3://bucket answered 503"; });
  const auto stored = get("images/2");
  CHECK(is_problem(stored, 502, "s3://bucket answered 503"));
  CHECK(at(stored, "path") == "s3://bucket/t1.png");
  add(folder(), "image/png", false);
  CHECK(is_problem(get("images/3"), 404));
}

TEST_CASE_FIXTURE(Gallery, "a picture in an object store is fetched for the answer, and its copy goes") {
  const std::string copy = folder() + "/copy";
  add("s3://bucket/t1.png", "image/png", false);
  control.on_loop([&] { control.desk.fetched_file = copy; });
  std::ofstream(copy, std::ios::binary) << kBytes;
  const auto part = get("images/2", {"Range: bytes=5-9"});
  CHECK(part.status == 206);
  CHECK(part.body == "56789");
  CHECK(part.headers.at("content-disposition") == "inline; filename=\"t1.png\"");
  control.on_loop([&] { CHECK_FALSE(fs::exists(copy)); });  // its name goes when the answer is on its way
  CHECK(get("images/2", {"If-None-Match: \"b0ba5c4d\""}).status == 304);
  CHECK(get("images/2", {"Range: bytes=99-"}).status == 416);
  control.on_loop([&] { CHECK(control.desk.fetched.size() == 1); });  // what needs no bytes fetches none
}

TEST_CASE_FIXTURE(Gallery, "a thumbnail is made of a picture that may be served, and of no other") {
  const std::string small = folder() + "/small.webp";
  std::ofstream(small, std::ios::binary) << "a thumbnail";
  control.on_loop([&] { control.desk.thumbnail_file = small; });
  const auto reply = get("images/0/thumbnail");
  CHECK(reply.status == 200);
  CHECK(reply.body == "a thumbnail");
  CHECK(reply.headers.at("content-type") == "image/webp");
  CHECK(reply.headers.at("cache-control") == "private, max-age=600");
  CHECK(get("images/0/thumbnail", {"If-None-Match: " + reply.headers.at("etag")}).status == 304);
  const auto asked = control.on_loop([&] { return control.desk.made_small.size(); });
  add(folder() + "/film.mp4", "video/mp4");
  CHECK(is_problem(get("images/2/thumbnail"), 404, "A film has no thumbnail"));
  add(control.folder() + "/secret.png", "image/png");
  CHECK(is_problem(get("images/3/thumbnail"), 404, "lies outside"));
  CHECK(is_problem(get("images/9/thumbnail"), 404, "counted from 0"));
  CHECK(is_problem(get("images/x/thumbnail"), 404, "no picture's number"));
  control.on_loop([&] { CHECK(control.desk.made_small.size() == asked); });
  add("s3://bucket/t1.png", "image/png", false);
  CHECK(get("images/4/thumbnail").status == 200);
  control.on_loop([&] { control.desk.thumbnail_error = "it is broken"; });
  CHECK(is_problem(get("images/0/thumbnail"), 404, "it is broken"));
}

TEST_CASE("a task without pictures says why it has none") {
  RunningControl control;
  control.put("t1");
  CHECK(is_problem(control.get("/v1/tasks/t1/image"), 404, "has not ended yet"));
  control.on_loop([&] { control.desk.at({"octopusx", "t1"}).record.phase = Phase::saving; });
  CHECK(is_problem(control.get("/v1/tasks/t1/image"), 404, "being saved"));
  control.on_loop([&] { control.desk.end_task({"octopusx", "t1"}, Ending::failed, Status::failure); });
  CHECK(is_problem(control.get("/v1/tasks/t1/image"), 404, "it has failed"));
  control.on_loop([&] { control.desk.at({"octopusx", "t1"}).images.error = "the CDN answered 404"; });
  CHECK(is_problem(control.get("/v1/tasks/t1/image"), 404, "the CDN answered 404"));
  CHECK(is_problem(control.get("/v1/tasks/none/image"), 404, "is watched"));
}
