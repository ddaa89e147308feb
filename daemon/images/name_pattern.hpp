// Under which name a picture is put in place.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "mjwatchd/task.hpp"

namespace mjwatchd::images {

/// "{gateway}/{id}{suffix}{ext}" taken apart. A name it makes is always relative, without "." or
/// ".." among its parts.
class NamePattern {
 public:
  /// Throws std::invalid_argument that says what is wrong: an unknown placeholder, an absolute path,
  /// an empty or dotted part, or {id}, {suffix} or {ext} missing ({suffix} and {ext} belong to the
  /// last part: the folder is made before the content is known).
  explicit NamePattern(std::string_view pattern);

  /// Folders and, last, the file's name. `index` 0 has no suffix, 1 has "_1", ….
  /// Throws std::invalid_argument when the key would lead out of the folder.
  [[nodiscard]] std::vector<std::string> parts(const TaskKey& key, std::size_t index, std::string_view ext) const;
  /// How many folders stand before the file's name.
  [[nodiscard]] std::size_t folders() const { return parts_.size() - 1; }
  [[nodiscard]] bool names_gateway() const;

 private:
  std::vector<std::string> parts_;
};

}  // namespace mjwatchd::images
