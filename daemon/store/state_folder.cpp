#include "daemon/store/state_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include "daemon/store/event_row.hpp"

namespace mjwatchd::store {
namespace {

std::string cure(int error) {
  switch (error) {
    case EROFS:
      return "; it is mounted read-only: mount it writable, or set state_dir to another folder";
    case EACCES:
    case EPERM:
      return "; give the folder to the user mjwatchd runs as, or set state_dir to another folder";
    case ENOSPC:
    case EDQUOT:
      return "; free some space there";
    case ENOENT:
      return "; make its parent folder first";
    case ENOTDIR:
      return "; state_dir must name a folder";
    default:
      return "";
  }
}

[[noreturn]] void fail(const std::string& what, int error) {
  throw std::runtime_error(what + ": " + std::generic_category().message(error) + cure(error));
}

os::Descriptor open_own(const std::filesystem::path& file) {
  os::Descriptor fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) fail(file.string() + " can't be opened for writing", errno);
  return fd;
}

constexpr std::size_t kIdentitySize = 32;
constexpr std::string_view kUsed = "used\n";

/// What a lock file says: the pid, a line, and whether the database was ever filled.
std::string read_lock(int fd) {
  std::array<char, 64> text{};
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
}

std::string holder(int fd) {
  const std::string text = read_lock(fd);
  const std::string digits = text.substr(0, text.find_first_not_of("0123456789"));
  return digits.empty() ? "unknown" : digits;
}

}  // namespace

StateFolder::StateFolder(std::filesystem::path folder) : folder_(std::move(folder)) {
  make();
  lock();
  make_database();
}

StateFolder StateFolder::without_database(std::filesystem::path folder) {
  StateFolder made;
  made.folder_ = std::move(folder);
  made.make();
  made.lock();
  return made;
}

std::string StateFolder::identity() const {
  const os::Descriptor file = open_own(folder_ / "daemon.id");
  std::array<char, 64> text{};
  const ssize_t got = ::pread(file.get(), text.data(), text.size(), 0);
  if (got == static_cast<ssize_t>(kIdentitySize)) return {text.data(), kIdentitySize};
  const std::string fresh = new_webhook_id().substr(4);
  if (::pwrite(file.get(), fresh.data(), fresh.size(), 0) != static_cast<ssize_t>(fresh.size())) {
    fail((folder_ / "daemon.id").string() + " can't be written", errno);
  }
  return fresh;
}

void StateFolder::make() const {
  if (::mkdir(folder_.c_str(), 0700) == 0) {
    const auto parent = folder_.has_parent_path() ? folder_.parent_path() : std::filesystem::path(".");
    const os::Descriptor above(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (above.valid() && ::fsync(above.get()) != 0) fail(parent.string() + " can't be synced", errno);
    return;
  }
  const int error = errno;
  struct stat about {};
  if (::stat(folder_.c_str(), &about) != 0) fail("the state folder " + folder_.string() + " can't be made", error);
  if (!S_ISDIR(about.st_mode)) fail("the state folder " + folder_.string() + " can't be used", ENOTDIR);
}

void StateFolder::lock() {
  lock_ = open_own(folder_ / "lock");
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) fail((folder_ / "lock").string() + " can't be locked", errno);
    throw std::runtime_error("another mjwatchd (pid " + holder(lock_.get()) + ") has this state folder: " +
                             folder_.string() + "; stop it, or set state_dir to another folder");
  }
  used_ = read_lock(lock_.get()).ends_with(kUsed);
  write_lock();
}

// Never cut before it is written anew: whatever moment it dies at, "used" stays.
void StateFolder::write_lock() const {
  std::string text = std::to_string(::getpid()) + "\n";
  if (used_) text += kUsed;
  const bool written = ::pwrite(lock_.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) &&
                       ::ftruncate(lock_.get(), static_cast<off_t>(text.size())) == 0;
  if (!written) fail((folder_ / "lock").string() + " can't be written", errno);
}

void StateFolder::mark_used() {
  if (used_) return;
  used_ = true;
  write_lock();
}

// Before SQLite sees the name, which would make the file by the umask. Its companions take the mode over.
void StateFolder::make_database() const {
  const bool there = std::filesystem::exists(database());
  const os::Descriptor file = open_own(database());
  struct stat about {};
  if (!there || !used_ || ::fstat(file.get(), &about) != 0 || about.st_size > 0) return;
  throw std::runtime_error(database().string() +
                           " is empty, and was not when mjwatchd last ran: restore it from a backup, or move it and "
                           "its -wal file away to start with an empty watch list");
}

}  // namespace mjwatchd::store
