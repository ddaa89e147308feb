#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>

#include "daemon/images/part_file.hpp"

namespace mjwatchd::images {

namespace {

struct CloseDir {
  void operator()(DIR* directory) const {
    static_cast<void>(::closedir(directory));  // nothing was written through it
  }
};

/// ".<name>.<16 hex>.part"
bool is_part_name(std::string_view name) {
  constexpr std::size_t kTail = 1 + 16 + 5;
  if (name.size() < kTail + 2 || name.front() != '.' || !name.ends_with(".part")) return false;
  const std::string_view tail = name.substr(name.size() - kTail, 17);
  return tail.front() == '.' && tail.substr(1).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Not when somebody holds it: then it is being written.
bool remove_orphan(int folder, const char* name) {
  const Descriptor file(::openat(folder, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  const bool held = file && ::flock(file.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  return file && !held && ::unlinkat(folder, name, 0) == 0;
}

/// What cannot be listed or removed is left: it harms nobody but the disk.
std::size_t sweep(int parent, const char* name, std::size_t depth) {
  const int fd = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return 0;
  const std::unique_ptr<DIR, CloseDir> directory(::fdopendir(fd));
  if (!directory) {
    const Descriptor closed(fd);
    return 0;
  }
  std::size_t removed = 0;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string_view child = entry->d_name;
    if (child == "." || child == "..") continue;
    struct stat facts {};
    if (::fstatat(fd, entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISDIR(facts.st_mode) && depth > 0) removed += sweep(fd, entry->d_name, depth - 1);
    if (S_ISREG(facts.st_mode) && is_part_name(child) && remove_orphan(fd, entry->d_name)) ++removed;
  }
  return removed;
}

}  // namespace

PictureFolder::PictureFolder(std::string where, NamePattern names, std::uint64_t free)
    : path(std::filesystem::absolute(where).lexically_normal()), pattern(std::move(names)), keep_free(free) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (::mkdir(path.c_str(), 0750) != 0 && errno != EEXIST) {
    throw std::system_error(errno, std::generic_category(), "images.directory " + path);
  }
  root = Descriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) throw std::system_error(errno, std::generic_category(), "images.directory " + path);
}

Room PictureFolder::room() const {
  struct statvfs space {};
  struct stat folder {};
  if (::fstatvfs(root.get(), &space) != 0 || ::fstat(root.get(), &folder) != 0) {
    fail_on_disk("asking for the free space in", path, errno);
  }
  return {static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize, folder.st_dev, (space.f_flag & ST_RDONLY) != 0};
}

void PictureFolder::check_space(std::uint64_t bytes) const {
  const auto [free, device, read_only] = room();
  if (read_only) fail_on_disk("saving pictures in", path, EROFS);
  if (free >= keep_free && free - keep_free >= bytes) return;
  const auto mib = [](std::uint64_t size) { return std::to_string(size >> 20U) + " MiB"; };
  const std::string wanted = bytes == 0 ? "" : " and " + mib(bytes + (1U << 20U) - 1) + " are needed";
  throw DiskTrouble{"too little free space in " + path + ": " + mib(free) + ", of which " + mib(keep_free) +
                    " are to be kept free" + wanted};
}

void PictureFolder::try_out(std::uint64_t bytes) const {
  check_space(bytes);
  const std::string name = part_name("trial");
  const Descriptor file(::openat(root.get(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) fail_on_disk("making a file in", path, errno);
  int error = 0;
  // It tells of a quota, too. Not every file system can do it.
  if (::fallocate(file.get(), 0, 0, static_cast<off_t>(bytes)) != 0 && errno != EOPNOTSUPP) error = errno;
  if (error == 0 && ::write(file.get(), "", 1) != 1) error = errno;
  static_cast<void>(::unlinkat(root.get(), name.c_str(), 0));  // if not: an orphan, which the next start removes
  if (error != 0) fail_on_disk("writing a picture in", path, error);
}

std::size_t PictureFolder::remove_orphans() const { return sweep(root.get(), ".", pattern.folders()); }

}  // namespace mjwatchd::images
