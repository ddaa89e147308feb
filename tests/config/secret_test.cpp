#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "daemon/config/config.hpp"
#include "tests/config/support.hpp"

using namespace mjwatchd::config;
namespace fs = std::filesystem;

namespace {

struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "mjwatchd-secret-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
    fs::create_directory(path / "credentials");
  }
  ~Folder() { fs::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  void write(const std::string& name, const std::string& text, mode_t mode = 0600) const {
    std::ofstream(path / name) << text;
    REQUIRE(chmod((path / name).c_str(), mode) == 0);
  }
  [[nodiscard]] Config config() const {
    Config out;
    out.file = path / "mjwatchd.yaml";
    return out;
  }
  fs::path path;
};

}  // namespace

TEST_CASE("a secret is sought among the credentials, under both names, and then beside the file") {
  const Folder folder;
  const Variable credentials("CREDENTIALS_DIRECTORY", (folder.path / "credentials").c_str());
  folder.write("app.secret", "  beside\n");
  CHECK(load_secret({"app.secret", ""}, folder.config()) == "beside");
  folder.write("credentials/credentials_app.secret", "from a folder\n");
  CHECK(load_secret({"app.secret", ""}, folder.config()) == "from a folder");
  folder.write("credentials/app.secret", "by name");
  CHECK(load_secret({"app.secret", ""}, folder.config()) == "by name");
  folder.write("elsewhere", "absolute");
  CHECK(load_secret({(folder.path / "elsewhere").string(), ""}, folder.config()) == "absolute");
}

TEST_CASE("a secret comes from the environment when the configuration says so") {
  const Variable variable("MJWATCHD_TEST_TOKEN", " tok ");
  CHECK(load_secret({"", "MJWATCHD_TEST_TOKEN"}, Config{}) == "tok");
  CHECK_THROWS_WITH((void)load_secret({"", "MJWATCHD_NOT_SET"}, Config{}),
                    "the environment variable MJWATCHD_NOT_SET is not set");
}

TEST_CASE("a missing, empty, huge or binary secret is an error that does not repeat it") {
  const Folder folder;
  const Variable credentials("CREDENTIALS_DIRECTORY", nullptr);
  const auto complaint = [&](const std::string& name) -> std::string {
    try {
      (void)load_secret({name, ""}, folder.config());
      return "";
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  };
  CHECK(complaint("none") == "there is no file none; looked for " + (folder.path / "none").string());
  folder.write("empty", " \n");
  CHECK(complaint("empty").find("is empty") != std::string::npos);
  folder.write("huge", std::string(70000, 'x'));
  CHECK(complaint("huge").find("larger than 64 KiB") != std::string::npos);
  folder.write("lines", "hunter2\nhunter3");
  CHECK(complaint("lines").find("line break") != std::string::npos);
  CHECK(complaint("lines").find("hunter") == std::string::npos);
  CHECK(complaint("credentials").find("is not a regular file") != std::string::npos);
}

TEST_CASE("a secret that others may read is worth a warning") {
  const Folder folder;
  folder.write("open", "x", 0644);
  folder.write("closed", "x", 0600);
  std::string warning;
  CHECK(load_secret({(folder.path / "closed").string(), ""}, folder.config(), &warning) == "x");
  CHECK(warning.empty());
  CHECK(load_secret({(folder.path / "open").string(), ""}, folder.config(), &warning) == "x");
  CHECK(warning.find("chmod 600") != std::string::npos);
}
