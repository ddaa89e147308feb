// Taking away pictures that were saved, when their tasks go.
#pragma once

#include <string>

#include "daemon/images/part_file.hpp"

namespace mjwatchd::images {

enum class Removal : std::uint8_t {
  removed,  ///< it has gone, and its folder is synced
  absent,   ///< someone took it before
  foreign   ///< not ours: elsewhere, not a plain file, or with other bytes than were saved
};

/// Removes the file of `image` if it is in `folder`, no link leads to it, and its bytes are those that
/// were saved. May wait for the disk. Throws DiskTrouble when it is ours and cannot be removed.
[[nodiscard]] Removal remove_picture(const PictureFolder& folder, const SavedImage& image);

}  // namespace mjwatchd::images
