#include "daemon/images/removal.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/images/pictures.hpp"
#include "tests/images/temporary_folder.hpp"

namespace mjwatchd::images::test {

namespace {

namespace fs = std::filesystem;

/// A folder with one picture that was saved into it.
struct Saved {
  Saved() {
    PartFile part(folder, {"gw", "t1"}, 0);
    part.append(make_png(20, 10));
    REQUIRE(part.place(image).error == "");
  }
  TemporaryFolder where;
  PictureFolder folder{where.path.string(), NamePattern("{gateway}/{id}{suffix}{ext}"), 0};
  SavedImage image;
};

}  // namespace

TEST_CASE("a picture that was saved is removed, once") {
  Saved saved;
  CHECK(remove_picture(saved.folder, saved.image) == Removal::removed);
  CHECK(saved.where.files() == 0);
  CHECK(remove_picture(saved.folder, saved.image) == Removal::absent);
  fs::remove_all(saved.where.path / "gw");
  CHECK(remove_picture(saved.folder, saved.image) == Removal::absent);
}

TEST_CASE("a file with other bytes than were saved is not ours") {
  Saved saved;
  std::string other = make_png(20, 10);
  other[40] ^= 1;
  std::ofstream(saved.image.path, std::ios::binary) << other;
  CHECK(remove_picture(saved.folder, saved.image) == Removal::foreign);
  std::ofstream(saved.image.path, std::ios::binary) << "short";
  CHECK(remove_picture(saved.folder, saved.image) == Removal::foreign);
  CHECK(saved.where.files() == 1);
}

TEST_CASE("no link is followed, be it the file or a folder on the way") {
  Saved saved;
  const TemporaryFolder elsewhere;
  fs::copy(saved.image.path, elsewhere.path / "t1.png");
  fs::remove(saved.image.path);
  fs::create_symlink(elsewhere.path / "t1.png", saved.image.path);
  CHECK(remove_picture(saved.folder, saved.image) == Removal::foreign);
  fs::remove_all(saved.where.path / "gw");
  fs::create_directory_symlink(elsewhere.path, saved.where.path / "gw");
  CHECK(remove_picture(saved.folder, saved.image) == Removal::foreign);
  CHECK(elsewhere.files() == 1);
}

TEST_CASE("what lies outside of the folder is never touched") {
  Saved saved;
  const TemporaryFolder elsewhere;
  fs::copy(saved.image.path, elsewhere.path / "t1.png");
  SavedImage image = saved.image;
  for (const std::string& path :
       {(elsewhere.path / "t1.png").string(),
        saved.where.path.string() + "/../" + elsewhere.path.filename().string() + "/t1.png", saved.where.path.string(),
        saved.where.path.string() + "/gw", std::string("s3://bucket/gw/t1.png"), std::string()}) {
    image.path = path;
    CHECK_MESSAGE(remove_picture(saved.folder, image) == Removal::foreign, path);
  }
  CHECK(elsewhere.files() == 1);
  CHECK(saved.where.files() == 1);
}

}  // namespace mjwatchd::images::test
