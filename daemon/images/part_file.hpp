// A picture on its way into the picture folder.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/images/descriptor.hpp"
#include "daemon/images/digest.hpp"
#include "daemon/images/name_pattern.hpp"
#include "daemon/images/png_walk.hpp"
#include "daemon/images/verify.hpp"
#include "mjwatchd/task.hpp"

namespace mjwatchd::images {

/// A disk that cannot take pictures now: too little free space, full, read-only, failing.
struct DiskTrouble {
  std::string text;  ///< for people
};

/// Throws the DiskTrouble "<doing> <path>: <what the system calls the error>".
[[noreturn]] void fail_on_disk(std::string_view doing, const std::string& path, int error);

/// The disk that pictures go to.
struct Room {
  std::uint64_t free_bytes = 0;  ///< for us
  std::uint64_t device = 0;      ///< st_dev: what has the same is on the same disk
  bool read_only = false;
};

/// The picture folder as the disk has it. Immutable after its making; shared by all part files.
struct PictureFolder {
  /// Makes the folder (0750) if needed. Throws std::system_error that names it.
  PictureFolder(std::string path, NamePattern pattern, std::uint64_t keep_free);

  std::string path;  ///< absolute
  NamePattern pattern;
  std::uint64_t keep_free;  ///< bytes that stay free
  Descriptor root;

  /// Waits for the disk. Throws DiskTrouble.
  [[nodiscard]] Room room() const;

  /// Removes what a killed run left: files named as part files are and held by nobody, nothing else, no links
  /// followed. Answers how many went. May be called at any time, also while other daemons use the folder.
  std::size_t remove_orphans() const;
  /// Throws DiskTrouble when the disk is read-only, or keep_free would not be left beside `bytes` more.
  void check_space(std::uint64_t bytes = 0) const;
  /// Makes a file of that size, writes to it and removes it: whether a picture of that size could be
  /// saved now. Throws DiskTrouble.
  void try_out(std::uint64_t bytes) const;
};

/// ".<stem>.<16 hex>.part", another one each time. Throws DiskTrouble.
[[nodiscard]] std::string part_name(std::string_view stem);

/// Makes a file and holds it (flock) for as long as it is open, so that nobody takes it for an orphan: neither this
/// daemon's picture store after a reload, nor another daemon on the same folder. Nothing, and errno, when it can't.
[[nodiscard]] Descriptor make_part(int folder, const std::string& name, mode_t mode);

/// ".<name>.<16 hex>.part" in the folder its picture will be in: written, hashed, verified, synced
/// and renamed. Removed by its end unless it was placed. Every member may wait for the disk; one
/// thread at a time. Members throw DiskTrouble.
class PartFile {
 public:
  /// Checks the free space, makes folders (0750; links are not followed) and the file.
  PartFile(const PictureFolder& folder, TaskKey key, std::size_t index);
  ~PartFile();
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  /// Checks that there is room for a picture of that size before its bytes come.
  void expect(std::uint64_t bytes) const { folder_.check_space(bytes - std::min(bytes, size_)); }
  void append(std::string_view bytes);
  /// Begins anew.
  void clear();
  [[nodiscard]] std::uint64_t size() const { return size_; }

  /// Verifies what was written. `facts` holds sha256, bytes, type and measures if the verdict has no
  /// error; nothing can be appended then.
  Verdict check(SavedImage& facts);
  /// Folders and name that a picture of that type is to have.
  [[nodiscard]] std::vector<std::string> name_of(PictureType type) const;
  /// Where it is as long as it was not placed.
  [[nodiscard]] std::string path() const;

  /// After a check() that found it to be of that type: the picture is synced and renamed to its final name, and the
  /// folder synced; the same content already there is kept instead. `checked` gets its path, too (not the URL).
  void keep(PictureType type, SavedImage& checked);
  /// check(), and keep() when the verdict has no error.
  Verdict place(SavedImage& placed);

 private:
  void open_folder();
  void make_file();
  [[nodiscard]] Verdict judge() const;
  [[nodiscard]] bool already_there(const std::string& name, const std::string& sha256) const;
  [[noreturn]] void fail(const char* doing, int error) const;
  void remove();

  const PictureFolder& folder_;
  TaskKey key_;
  std::size_t index_;
  Descriptor directory_, file_;
  std::string name_;  // of the part file; empty when there is none
  std::uint64_t size_ = 0, checked_at_ = 0;
  Digest digest_;
  std::optional<PngWalk> png_;  ///< what begins as a PNG is judged as it comes
};

}  // namespace mjwatchd::images
