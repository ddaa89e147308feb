#include "daemon/webhooks/box_key.hpp"

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <stdexcept>

#include "mjwatchd/ascii.hpp"

namespace mjwatchd::webhooks {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kKeyBytes = 32;
constexpr const char* kName = "secrets.key";

std::string decode(const fs::path& file, const std::string& text) {
  std::string key;
  for (std::size_t i = 0; i + 1 < text.size() && key.size() < kKeyBytes; i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) break;
    key.push_back(static_cast<char>(high * 16 + low));
  }
  const auto rest = text.find_first_not_of(" \r\n\t", 2 * kKeyBytes < text.size() ? 2 * kKeyBytes : text.size());
  if (key.size() != kKeyBytes || rest != std::string::npos) {
    throw std::runtime_error(file.string() +
                             " does not hold 64 hexadecimal digits. It is the key of the secrets given with tasks: "
                             "restore it from a backup, or remove it to have a new one made (those secrets are then "
                             "lost, and their deliveries end as dead)");
  }
  return key;
}

/// Nothing when there is no such file.
std::optional<std::string> read_key(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw std::runtime_error(file.string() + " can't be read: " + std::strerror(errno));
  }
  std::array<char, 256> buffer{};
  in.read(buffer.data(), buffer.size());
  return decode(file, std::string(buffer.data(), static_cast<std::size_t>(in.gcount())));
}

void write_synced(int fd, const std::string& text) {
  if (write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size()) || fsync(fd) != 0) {
    throw std::runtime_error(std::string("its key can't be written: ") + std::strerror(errno));
  }
}

// Under its final name only when whole: a start that is cut off here leaves no half key.
void make_key(const fs::path& folder) {
  std::array<unsigned char, kKeyBytes> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    throw std::runtime_error("the system gives no random numbers for a key");
  }
  const auto part = folder / (std::string(kName) + ".part");
  unlink(part.c_str());
  const int fd = open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    throw std::runtime_error("the state folder " + folder.string() + " can't be written to: " + std::strerror(errno) +
                             ". It must belong to the user the daemon runs as");
  }
  try {
    write_synced(fd, hex(bytes) + "\n");
  } catch (const std::exception& error) {
    close(fd);
    unlink(part.c_str());
    throw std::runtime_error("the state folder " + folder.string() + ": " + error.what());
  }
  close(fd);
  fs::rename(part, folder / kName);
  if (const int dir = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); dir >= 0) {
    fsync(dir);
    close(dir);
  }
}

}  // namespace

std::string load_box_key(const fs::path& folder) {
  if (const char* credentials = std::getenv("CREDENTIALS_DIRECTORY"); credentials != nullptr && *credentials != '\0') {
    for (const auto& name : {std::string(kName), std::string("credentials_") + kName}) {
      if (auto key = read_key(fs::path(credentials) / name)) return *key;
    }
  }
  const auto file = folder / kName;
  if (auto key = read_key(file)) return *key;
  mkdir(folder.c_str(), 0700);  // the first start; whether it can be used shows at once
  make_key(folder);
  auto key = read_key(file);
  if (!key) throw std::runtime_error(file.string() + " has vanished right after it was made");
  return *key;
}

}  // namespace mjwatchd::webhooks
