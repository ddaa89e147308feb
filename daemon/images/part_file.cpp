#include "daemon/images/part_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <vector>

#include "mjwatchd/ascii.hpp"

namespace mjwatchd::images {

namespace {

constexpr std::uint64_t kSpaceCheck = 8U << 20;  // bytes written between two looks at the free space
constexpr std::size_t kLongestStem = 220;        // leaves room for ".", the random part and ".part"
constexpr mode_t kFolderMode = 0750, kFileMode = 0640;

std::string random_hex() {
  std::array<unsigned char, 8> raw{};
  if (::getrandom(raw.data(), raw.size(), 0) != static_cast<ssize_t>(raw.size())) {
    throw DiskTrouble{"no random bytes for a file name"};
  }
  return hex(raw);
}

int open_folder_at(int parent, const std::string& name) {
  return ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

}  // namespace

std::string part_name(std::string_view stem) {
  return "." + std::string(stem.substr(0, kLongestStem)) + "." + random_hex() + ".part";
}

Descriptor make_part(int folder, const std::string& name, mode_t mode) {
  Descriptor file(::openat(folder, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  // On a file system without locks it goes without.
  while (file && ::flock(file.get(), LOCK_EX) != 0 && errno == EINTR) continue;
  return file;
}

PartFile::PartFile(const PictureFolder& folder, TaskKey key, std::size_t index)
    : folder_(folder), key_(std::move(key)), index_(index) {
  folder_.check_space();
  open_folder();
  make_file();
}

PartFile::~PartFile() { remove(); }

void fail_on_disk(std::string_view doing, const std::string& path, int error) {
  throw DiskTrouble{std::string(doing) + " " + path + ": " + std::generic_category().message(error)};
}

void PartFile::fail(const char* doing, int error) const {
  fail_on_disk(std::string(doing) + " in", folder_.path, error);
}

void PartFile::open_folder() {
  const auto parts = folder_.pattern.parts(key_, index_, "");
  directory_ = Descriptor(::fcntl(folder_.root.get(), F_DUPFD_CLOEXEC, 0));
  if (!directory_) fail("opening the folder", errno);
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    if (::mkdirat(directory_.get(), parts[i].c_str(), kFolderMode) == 0) {
      // The new folder's own entry has to last as long as the picture in it.
      if (::fsync(directory_.get()) != 0) fail("syncing a folder", errno);
    } else if (errno != EEXIST) {
      fail("making a folder", errno);
    }
    Descriptor next(open_folder_at(directory_.get(), parts[i]));
    if (!next) fail("opening a folder", errno);
    directory_ = std::move(next);
  }
}

void PartFile::make_file() {
  const std::string stem = folder_.pattern.parts(key_, index_, "").back();
  struct stat facts {};
  do {
    const std::string name = part_name(stem);
    file_ = make_part(directory_.get(), name, kFileMode);
    if (!file_ || ::fstat(file_.get(), &facts) != 0) fail("making a file", errno);
    name_ = name;
  } while (facts.st_nlink == 0);  // it was removed as an orphan between its making and its locking
}

void PartFile::append(std::string_view bytes) {
  digest_.add(bytes);
  if (size_ == 0 && bytes.starts_with("\x89PNG\r\n\x1a\n")) png_.emplace();
  if (png_) png_->take(bytes);
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(file_.get(), bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) fail("writing a picture", errno);
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
    size_ += static_cast<std::uint64_t>(wrote);
  }
  if (size_ - checked_at_ >= kSpaceCheck) {
    folder_.check_space();
    checked_at_ = size_;
  }
}

void PartFile::clear() {
  if (::ftruncate(file_.get(), 0) != 0 || ::lseek(file_.get(), 0, SEEK_SET) != 0) fail("emptying a file", errno);
  size_ = checked_at_ = 0;
  digest_ = Digest();
  png_.reset();
}

Verdict PartFile::check(SavedImage& facts) {
  Verdict verdict = png_ ? png_->verdict() : judge();
  if (!verdict.error.empty() || !verdict.type) return verdict;
  facts.sha256 = digest_.finish();
  facts.bytes = size_;
  facts.content_type = content_type(*verdict.type);
  facts.width = verdict.width;
  facts.height = verdict.height;
  return verdict;
}

Verdict PartFile::judge() const {
  FileSource source(file_.get(), size_);
  try {
    return verify(source);
  } catch (const std::system_error& error) {
    fail("reading a picture", error.code().value());
  }
}

std::vector<std::string> PartFile::name_of(PictureType type) const {
  return folder_.pattern.parts(key_, index_, extension(type));
}

std::string PartFile::path() const {
  const auto parts = folder_.pattern.parts(key_, index_, "");
  std::string path = folder_.path;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) path += "/" + parts[i];
  return path + "/" + name_;
}

Verdict PartFile::place(SavedImage& placed) {
  Verdict verdict = check(placed);
  if (verdict.error.empty() && verdict.type) keep(*verdict.type, placed);
  return verdict;
}

void PartFile::keep(PictureType type, SavedImage& checked) {
  const auto parts = name_of(type);
  checked.path = folder_.path;
  for (const std::string& part : parts) checked.path += "/" + part;
  if (already_there(parts.back(), checked.sha256)) {
    remove();
  } else {
    if (::fsync(file_.get()) != 0) fail("syncing a picture", errno);
    if (::renameat(directory_.get(), name_.c_str(), directory_.get(), parts.back().c_str()) != 0) {
      fail("renaming a picture", errno);
    }
    name_.clear();
  }
  if (::fsync(directory_.get()) != 0) fail("syncing a folder", errno);
}

bool PartFile::already_there(const std::string& name, const std::string& sha256) const {
  const Descriptor there(::openat(directory_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat facts {};
  if (!there || ::fstat(there.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) return false;
  if (static_cast<std::uint64_t>(facts.st_size) != size_) return false;
  // Whoever put it there may not have synced it.
  return digest_of(there.get()) == sha256 && ::fsync(there.get()) == 0;
}

void PartFile::remove() {
  if (name_.empty()) return;
  // A file that cannot be removed now is an orphan, which the next start removes.
  static_cast<void>(::unlinkat(directory_.get(), name_.c_str(), 0));
  name_.clear();
}

}  // namespace mjwatchd::images
