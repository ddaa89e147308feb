// Thumbnails in their folder.
#include "daemon/page/thumbnails.hpp"

#include <doctest/doctest.h>

#include <asio/executor_work_guard.hpp>
#include <fstream>
#include <optional>

#include "daemon/standin/picture.hpp"

using namespace mjwatchd;
using namespace mjwatchd::page;

namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string name = "/tmp/mjwatchd-thumbnails-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path / name, std::ios::binary) << bytes;
    return (path / name).string();
  }

  fs::path path;
};

std::string digest(char digit) { return std::string(64, digit); }

std::string picture(const std::string& id) { return standin::make_picture(standin::PictureKind::png, id, 1, 64); }

struct Answer {
  std::string file, error;
};

struct Bench {
  Answer make(const std::string& sha256, const std::string& file) {
    std::optional<Answer> answer;
    thumbnails.make(sha256, file, [&](const std::string& small, const std::string& error) {
      answer = Answer{small, error};
    });
    CHECK_FALSE(answer);  // never from inside the call
    io.restart();
    while (!answer) io.run_one();
    return *answer;
  }
  [[nodiscard]] std::size_t kept() const {
    std::size_t count = 0;
    for (const auto& one : fs::recursive_directory_iterator(folder.path / "thumbnails")) {
      count += one.is_regular_file() ? 1 : 0;
    }
    return count;
  }

  Folder folder;
  asio::io_context io;
  asio::executor_work_guard<asio::io_context::executor_type> work{asio::make_work_guard(io)};
  Thumbnails thumbnails{io, folder.path / "thumbnails"};
};

}  // namespace

TEST_CASE("a thumbnail is made once, and kept") {
  Bench bench;
  const auto file = bench.folder.write("a.png", picture("a"));
  CHECK(bench.thumbnails.kept(digest('a')).empty());
  const auto made = bench.make(digest('a'), file);
  CHECK(made.error.empty());
  CHECK(made.file == (bench.folder.path / "thumbnails" / "aa" / (digest('a') + ".webp")).string());
  CHECK(bench.thumbnails.kept(digest('a')) == made.file);
  fs::remove(file);  // not needed any more
  CHECK(bench.make(digest('a'), file).file == made.file);
  CHECK(bench.kept() == 1);
}

TEST_CASE("who asks for the same at once gets the same") {
  Bench bench;
  const auto file = bench.folder.write("a.png", picture("a"));
  std::vector<std::string> files;
  for (int i = 0; i < 3; ++i) {
    bench.thumbnails.make(digest('b'), file,
                          [&](const std::string& small, const std::string&) { files.push_back(small); });
  }
  while (files.size() < 3) bench.io.run_one();
  CHECK(files == std::vector<std::string>(3, bench.thumbnails.kept(digest('b'))));
}

TEST_CASE("what can't be made small says why, and leaves nothing behind") {
  Bench bench;
  CHECK(bench.make(digest('c'), "/nowhere/x.png").error.find("can't be read") != std::string::npos);
  CHECK(bench.make(digest('d'), bench.folder.write("d.gif", "GIF89a")).error == "it is neither PNG, JPEG nor WebP");
  CHECK(bench.make("../../etc/passwd", bench.folder.write("a.png", picture("a"))).error == "its SHA-256 is not known");
  CHECK(bench.thumbnails.kept("../../etc/passwd").empty());
  CHECK_FALSE(fs::exists(bench.folder.path / "thumbnails" / "dd"));
}

TEST_CASE("thumbnails of removed pictures go") {
  Bench bench;
  const auto file = bench.folder.write("a.png", picture("a"));
  const auto gone = bench.make(digest('a'), file).file;
  const auto stays = bench.make(digest('b'), file).file;
  bench.thumbnails.forget({digest('a'), digest('9'), "../" + stays});
  static_cast<void>(bench.make(digest('c'), file));  // its turn comes after
  CHECK_FALSE(fs::exists(gone));
  CHECK(fs::exists(stays));
}

TEST_CASE("a folder that can't be made is told of") {
  Bench bench;
  bench.folder.write("thumbnails", "a file");
  CHECK_FALSE(bench.make(digest('e'), bench.folder.write("a.png", picture("a"))).error.empty());
}

TEST_CASE("the oldest go when there are too many bytes") {
  Bench bench;
  std::vector<std::string> files;
  std::uint64_t bytes = 0;
  for (const char digit : {'1', '2', '3', '4'}) {
    files.push_back(bench.make(digest(digit), bench.folder.write("x.png", picture(std::string(1, digit)))).file);
    bytes += fs::file_size(files.back());
    // Made an hour after one another, oldest first.
    fs::last_write_time(files.back(), fs::file_time_type::clock::now() - std::chrono::hours('9' - digit));
  }
  Thumbnails bounded(bench.io, bench.folder.path / "thumbnails", bytes);
  std::optional<std::string> last;
  bounded.make(digest('5'), bench.folder.write("x.png", picture("5")),
               [&](const std::string& file, const std::string&) { last = file; });
  while (!last) bench.io.run_one();
  CHECK(fs::exists(*last));
  CHECK_FALSE(fs::exists(files[0]));
  CHECK(fs::exists(files[3]));
}
