// Bytes that are no text.
#pragma once

#include <string_view>

namespace mjwatchd::store {

struct Blob {
  std::string_view bytes;
};

}  // namespace mjwatchd::store
