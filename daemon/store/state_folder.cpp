#include "daemon/store/state_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

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

std::string holder(int fd) {
  std::array<char, 32> text{};
  const ssize_t got = ::pread(fd, text.data(), text.size() - 1, 0);
  std::string digits;
  for (ssize_t i = 0;
       i < got && text.at(static_cast<std::size_t>(i)) >= '0' && text.at(static_cast<std::size_t>(i)) <= '9'; ++i) {
    digits += text.at(static_cast<std::size_t>(i));
  }
  return digits.empty() ? "unknown" : digits;
}

}  // namespace

StateFolder::StateFolder(std::filesystem::path folder) : folder_(std::move(folder)) {
  make();
  lock();
  make_database();
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
  const std::string pid = std::to_string(::getpid()) + "\n";
  const bool written = ::ftruncate(lock_.get(), 0) == 0 &&
                       ::pwrite(lock_.get(), pid.data(), pid.size(), 0) == static_cast<ssize_t>(pid.size());
  if (!written) fail((folder_ / "lock").string() + " can't be written", errno);
}

// Before SQLite sees the name, which would make the file by the umask. Its companions take the mode over.
void StateFolder::make_database() const { static_cast<void>(open_own(database())); }

}  // namespace mjwatchd::store
