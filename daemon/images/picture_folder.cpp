#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

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
    if (S_ISREG(facts.st_mode) && is_part_name(child) && ::unlinkat(fd, entry->d_name, 0) == 0) {
      ++removed;
    }
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

std::size_t PictureFolder::remove_orphans() const { return sweep(root.get(), ".", pattern.folders()); }

}  // namespace mjwatchd::images
