#include "daemon/images/part_file.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/images/pictures.hpp"
#include "tests/images/temporary_folder.hpp"

namespace mjwatchd::images::test {

namespace {

namespace fs = std::filesystem;
constexpr const char* kPattern = "{gateway}/{id}{suffix}{ext}";

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

SavedImage put(const PictureFolder& folder, const std::string& id, const std::string& bytes) {
  PartFile part(folder, {"gw", id}, 0);
  part.append(bytes);
  SavedImage image;
  REQUIRE(part.place(image).error == "");
  return image;
}

}  // namespace

TEST_CASE("a placed picture has its name, size, type and digest, and no part file is left") {
  const TemporaryFolder where;
  const PictureFolder folder(where.path.string(), NamePattern(kPattern), 0);
  const std::string png = make_png(20, 10);
  const SavedImage image = put(folder, "t1", png);
  CHECK(image.path == (where.path / "gw/t1.png").string());
  CHECK(contents(image.path) == png);
  CHECK(image.bytes == png.size());
  CHECK(image.content_type == "image/png");
  CHECK(image.sha256.size() == 64);
  CHECK(where.files() == 1);
  CHECK((fs::status(where.path / "gw").permissions() & fs::perms::others_all) == fs::perms::none);
}

TEST_CASE("the same content is kept as it is, different content replaces it whole") {
  const TemporaryFolder where;
  const PictureFolder folder(where.path.string(), NamePattern(kPattern), 0);
  const std::string path = put(folder, "t1", make_png(20, 10)).path;
  const fs::path twin = where.path / "twin";
  fs::create_hard_link(path, twin);
  put(folder, "t1", make_png(20, 10));
  CHECK(fs::equivalent(path, twin));
  put(folder, "t1", make_png(20, 10, 9));
  CHECK_FALSE(fs::equivalent(path, twin));
  CHECK(contents(path) == make_png(20, 10, 9));
  CHECK(where.files() == 2);
}

TEST_CASE("a part file that is not placed goes away, and a cut one gets no name") {
  const TemporaryFolder where;
  const PictureFolder folder(where.path.string(), NamePattern(kPattern), 0);
  const std::string png = make_png(20, 10);
  {
    PartFile part(folder, {"gw", "t1"}, 0);
    part.append(png.substr(0, 100));
    SavedImage image;
    CHECK(part.place(image).cut);
    CHECK(where.files() == 1);
    part.append(png.substr(100));  // the rest came after all
    CHECK(part.place(image).error == "");
    CHECK(contents(image.path) == png);
  }
  {
    PartFile part(folder, {"gw", "t2"}, 0);
    part.append("half");
  }
  CHECK(where.files() == 1);
}

TEST_CASE("links in the folder are not followed") {
  const TemporaryFolder where, elsewhere;
  const PictureFolder folder(where.path.string(), NamePattern(kPattern), 0);
  const fs::path victim = elsewhere.path / "victim";
  std::ofstream(victim) << "precious";
  fs::create_directory(where.path / "gw");
  fs::create_symlink(victim, where.path / "gw/t1.png");
  put(folder, "t1", make_png(20, 10));
  CHECK(contents(victim) == "precious");
  CHECK_FALSE(fs::is_symlink(where.path / "gw/t1.png"));
  fs::create_directory_symlink(elsewhere.path, where.path / "trap");
  CHECK_THROWS_AS(PartFile(folder, {"trap", "t1"}, 0), DiskTrouble);
  CHECK(elsewhere.files() == 1);
}

TEST_CASE("less free space than is to be kept is a trouble that says so") {
  const TemporaryFolder where;
  const PictureFolder folder(where.path.string(), NamePattern(kPattern), ~0ULL);
  try {
    PartFile part(folder, {"gw", "t1"}, 0);
    FAIL("made a file");
  } catch (const DiskTrouble& trouble) {
    CHECK(trouble.text.find("too little free space") != std::string::npos);
  }
}

TEST_CASE("only files named as our part files are removed at start") {
  const TemporaryFolder where;
  const PictureFolder folder(where.path.string(), NamePattern(kPattern), 0);
  fs::create_directory(where.path / "gw");
  for (const char* name :
       {".t1.0123456789abcdef.part", ".t1.part", "t1.0123456789abcdef.part", ".t1.0123456789abcdeX.part", "t1.png"}) {
    std::ofstream(where.path / "gw" / name) << "x";
  }
  CHECK(folder.remove_orphans() == 1);
  CHECK_FALSE(fs::exists(where.path / "gw/.t1.0123456789abcdef.part"));
  CHECK(where.files() == 4);
}

TEST_CASE("a picture that is being written is left alone, whoever clears up") {
  const TemporaryFolder where;
  const PictureFolder folder(where.path.string(), NamePattern(kPattern), 0);
  std::ofstream(where.path / ".left.0123456789abcdef.part") << "x";
  PartFile part(folder, {"gw", "t1"}, 0);
  part.append(make_png(20, 10));
  // After a reload there is another store of the same folder; so there is when another daemon shares it.
  const PictureFolder again(where.path.string(), NamePattern(kPattern), 0);
  CHECK(again.remove_orphans() == 1);
  SavedImage image;
  CHECK(part.place(image).error == "");
  CHECK(fs::exists(image.path));
  CHECK(where.files() == 1);
}

namespace {

/// Places pictures as fast as it can, until it is killed.
[[noreturn]] void place_on_and_on(const fs::path& where, const std::string& png, int round) {
  const PictureFolder folder(where.string(), NamePattern(kPattern), 0);
  for (int i = 0;; ++i) {
    PartFile part(folder, {"gw", "r" + std::to_string(round) + "-" + std::to_string(i)}, 0);
    for (std::size_t at = 0; at < png.size(); at += 4096) part.append(std::string_view(png).substr(at, 4096));
    SavedImage image;
    if (!part.place(image).error.empty()) ::_exit(1);
  }
}

void kill_after(std::chrono::microseconds wait, const fs::path& where, const std::string& png, int round) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) place_on_and_on(where, png, round);
  ::usleep(static_cast<useconds_t>(wait.count()));
  REQUIRE(::kill(child, SIGKILL) == 0);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
}

/// Pictures under a final name, each of which is to be whole.
std::size_t placed(const fs::path& where, const std::string& png) {
  PictureFolder(where.string(), NamePattern(kPattern), 0).remove_orphans();
  if (!fs::exists(where / "gw")) return 0;
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(where / "gw")) {
    CHECK(contents(entry.path()) == png);
    ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("killed at any moment, no half picture stands under a final name") {
  const TemporaryFolder where;
  const std::string png = make_png(200, 150);
  int round = 0;
  for (; round < 12; ++round) kill_after(std::chrono::microseconds(5000 + round * 3700), where.path, png, round);
  // A slow machine places none in that time: then later, until one was.
  for (std::chrono::milliseconds wait(100); placed(where.path, png) == 0; wait *= 2) {
    REQUIRE(wait < std::chrono::minutes(1));
    kill_after(wait, where.path, png, round++);
  }
}

}  // namespace mjwatchd::images::test
