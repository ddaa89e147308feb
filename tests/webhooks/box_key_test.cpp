#include "daemon/webhooks/box_key.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <fstream>
#include <iterator>

#include "tests/os/environment.hpp"

using namespace mjwatchd::webhooks;
namespace fs = std::filesystem;

namespace {

const std::string kDigits(64, 'a');
const std::string kKey(32, '\xaa');

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "mjwatchd-key-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  void write(const std::string& name, const std::string& text) const { std::ofstream(path / name) << text; }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream in(path / name);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  fs::path path;
};

}  // namespace

TEST_CASE("the first start makes a key that only its owner can read, later ones take it") {
  const Variable none("CREDENTIALS_DIRECTORY", nullptr);
  const Folder folder;
  const auto state = folder.path / "state";
  const auto key = load_box_key(state);
  CHECK(key.size() == 32);
  CHECK(fs::status(state / "secrets.key").permissions() == (fs::perms::owner_read | fs::perms::owner_write));
  CHECK(load_box_key(state) == key);
  const Folder other;
  CHECK(load_box_key(other.path) != key);
}

TEST_CASE("a key among the service's credentials comes before the folder's") {
  const Folder credentials;
  const Folder folder;
  folder.write("secrets.key", std::string(64, 'b') + "\n");
  const Variable set("CREDENTIALS_DIRECTORY", credentials.path.c_str());
  CHECK(load_box_key(folder.path) == std::string(32, '\xbb'));  // there is none among them
  SUBCASE("by its own name") { credentials.write("secrets.key", kDigits + "\n"); }
  SUBCASE("by the name of the service's other credentials") { credentials.write("credentials_secrets.key", kDigits); }
  CHECK(load_box_key(folder.path) == kKey);
}

TEST_CASE("a file that holds no key is named, left alone, and what to do is said") {
  const Variable none("CREDENTIALS_DIRECTORY", nullptr);
  for (const auto& text : {std::string(), std::string(63, 'a'), std::string(65, 'a'), std::string(63, 'a') + "x",
                           kDigits + "\n" + kDigits, std::string(32, '\xaa')}) {
    CAPTURE(text);
    const Folder folder;
    folder.write("secrets.key", text);
    std::string why;
    try {
      static_cast<void>(load_box_key(folder.path));
    } catch (const std::runtime_error& error) {
      why = error.what();
    }
    CHECK(why.find((folder.path / "secrets.key").string()) != std::string::npos);
    CHECK(why.find("restore it from a backup") != std::string::npos);
    CHECK(folder.read("secrets.key") == text);
  }
}

TEST_CASE("a key that can't be read, and a folder that can't be one, are named with what the system says") {
  const Variable none("CREDENTIALS_DIRECTORY", nullptr);
  const Folder folder;
  const auto why = [](const fs::path& state) {
    try {
      static_cast<void>(load_box_key(state));
    } catch (const std::runtime_error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  fs::create_symlink("secrets.key", folder.path / "secrets.key");  // leads to itself
  CHECK(why(folder.path).starts_with((folder.path / "secrets.key").string() + " can't be read: "));
  folder.write("file", "");
  CHECK(why(folder.path / "file").starts_with("the state folder " + (folder.path / "file").string()));
}

TEST_CASE("a key that was half written when the machine stopped is made anew") {
  const Variable none("CREDENTIALS_DIRECTORY", nullptr);
  const Folder folder;
  folder.write("secrets.key.part", "abc");
  CHECK(load_box_key(folder.path).size() == 32);
  CHECK_FALSE(fs::exists(folder.path / "secrets.key.part"));
}
