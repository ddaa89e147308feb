#include "daemon/images/removal.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "daemon/images/digest.hpp"

namespace mjwatchd::images {

namespace {

bool absent(int error) { return error == ENOENT; }
bool foreign(int error) { return error == ELOOP || error == ENOTDIR || error == EISDIR || error == ENXIO; }

/// What is left of `path` below `folder`; empty when it is not there.
std::string_view below(const PictureFolder& folder, std::string_view path) {
  if (!path.starts_with(folder.path) || path.size() <= folder.path.size() + 1) return {};
  path.remove_prefix(folder.path.size());
  if (path.front() != '/') return {};
  return path.substr(1);
}

bool plain_name(std::string_view name) { return !name.empty() && name != "." && name != ".."; }

}  // namespace

Removal remove_picture(const PictureFolder& folder, const SavedImage& image) {
  std::string_view rest = below(folder, image.path);
  if (rest.empty()) return Removal::foreign;
  Descriptor directory(::fcntl(folder.root.get(), F_DUPFD_CLOEXEC, 0));
  if (!directory) fail_on_disk("opening the folder of", image.path, errno);
  for (auto slash = rest.find('/'); slash != std::string_view::npos; slash = rest.find('/')) {
    const std::string name(rest.substr(0, slash));
    if (!plain_name(name)) return Removal::foreign;
    Descriptor next(::openat(directory.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next && absent(errno)) return Removal::absent;
    if (!next && foreign(errno)) return Removal::foreign;
    if (!next) fail_on_disk("opening the folder of", image.path, errno);
    directory = std::move(next);
    rest.remove_prefix(slash + 1);
  }
  const std::string name(rest);
  if (!plain_name(name)) return Removal::foreign;
  const Descriptor file(::openat(directory.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file && absent(errno)) return Removal::absent;
  if (!file && foreign(errno)) return Removal::foreign;
  if (!file) fail_on_disk("opening", image.path, errno);
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) fail_on_disk("looking at", image.path, errno);
  if (!S_ISREG(facts.st_mode) || static_cast<std::uint64_t>(facts.st_size) != image.bytes) return Removal::foreign;
  const auto digest = digest_of(file.get());
  if (!digest) fail_on_disk("reading", image.path, errno);
  if (*digest != image.sha256) return Removal::foreign;
  if (::unlinkat(directory.get(), name.c_str(), 0) != 0 && !absent(errno)) fail_on_disk("removing", image.path, errno);
  // The rows go next: the file must not come back after a power cut with nobody to know of it.
  if (::fsync(directory.get()) != 0) fail_on_disk("syncing the folder of", image.path, errno);
  return Removal::removed;
}

}  // namespace mjwatchd::images
