#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "daemon/config/config.hpp"
#include "mjwatchd/ascii.hpp"

namespace mjwatchd::config {
namespace {

namespace fs = std::filesystem;

// A token or key is far shorter; a larger file is the wrong one.
constexpr std::size_t kMaxBytes = 64U << 10;
constexpr std::string_view kWhite = " \t\r\n\v\f";

struct Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

std::vector<fs::path> places(const std::string& name, const Config& config) {
  const fs::path file(name);
  if (file.is_absolute()) return {file};
  std::vector<fs::path> out;
  if (const char* folder = std::getenv("CREDENTIALS_DIRECTORY"); folder != nullptr && *folder != '\0') {
    out.push_back(fs::path(folder) / file);
    out.push_back(fs::path(folder) / ("credentials_" + name));  // how LoadCredential= of a folder names its files
  }
  out.push_back(config.file.parent_path() / file);
  return out;
}

std::string checked(std::string_view text, const std::string& where) {
  const auto secret = trimmed(text, kWhite);
  if (secret.empty()) throw std::runtime_error(where + " is empty; it must hold the secret");
  for (const char c : secret) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      throw std::runtime_error(where + " holds a line break or another control character inside the secret");
    }
  }
  return std::string(secret);
}

// Nothing when there is no such file; any other trouble is thrown, for a later place must not hide it.
bool read_secret(const fs::path& path, std::string& out, std::string* warning) {
  const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return false;
    throw std::runtime_error(path.string() + " can't be read: " + std::strerror(errno));
  }
  struct stat info {};
  if (fstat(file.fd, &info) != 0) throw std::runtime_error(path.string() + ": " + std::strerror(errno));
  if (!S_ISREG(info.st_mode)) throw std::runtime_error(path.string() + " is not a regular file");
  std::string text(kMaxBytes + 1, '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = read(file.fd, text.data() + have, text.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw std::runtime_error(path.string() + " can't be read: " + std::strerror(errno));
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  if (have > kMaxBytes) throw std::runtime_error(path.string() + " is larger than 64 KiB, which no secret is");
  text.resize(have);
  out = checked(text, path.string());
  if (warning != nullptr && (info.st_mode & 0077) != 0) {
    *warning = path.string() + " can be read by others than its owner; chmod 600 it";
  }
  return true;
}

}  // namespace

std::string load_secret(const SecretSource& source, const Config& config, std::string* warning) {
  if (!source.env.empty()) {
    const char* value = std::getenv(source.env.c_str());
    if (value == nullptr) throw std::runtime_error("the environment variable " + source.env + " is not set");
    return checked(value, "the environment variable " + source.env);
  }
  if (source.file.empty()) throw std::runtime_error("no file is named that holds the secret");
  std::string tried;
  for (const fs::path& path : places(source.file, config)) {
    std::string secret;
    if (read_secret(path, secret, warning)) return secret;
    tried += (tried.empty() ? "" : ", ") + path.string();
  }
  throw std::runtime_error("there is no file " + source.file + "; looked for " + tried);
}

}  // namespace mjwatchd::config
