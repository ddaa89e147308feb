// Where verified pictures go when a folder of this machine is not the end of their way.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "mjwatchd/task.hpp"

namespace mjwatchd::images {

/// An object store, as the picture store sees it. Loop thread only; every callback runs on it, once,
/// never from inside the call, and never after the shelf's end.
class Shelf {
 public:
  /// A verified file of ours and the name it is to have, folders first.
  struct Item {
    std::string file;  ///< absolute; stays where it is until `done`
    std::vector<std::string> name;
    SavedImage facts;  ///< sha256, bytes, content_type
  };
  virtual ~Shelf() = default;

  /// "s3://bucket/prefix/gateway/id.png"
  [[nodiscard]] virtual std::string path_of(const std::vector<std::string>& name) const = 0;
  /// Answers nothing when the whole of it is there and will stay, else why not.
  virtual void put(Item item, std::function<void(std::string error)> done) = 0;
  /// Brings it back into a new file of ours, which the caller removes: `file` is empty when `error` is not.
  virtual void get(const SavedImage& image, std::function<void(std::string file, std::string error)> done) = 0;
  /// Removes it if it is still the one that was saved. Answers nothing when it is gone or another one.
  virtual void remove(const SavedImage& image, std::function<void(std::string error)> done) = 0;
};

}  // namespace mjwatchd::images
