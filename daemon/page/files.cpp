#include "daemon/page/files.hpp"

#include <algorithm>

namespace mjwatchd::page {

const File* find_file(std::string_view name) {
  const auto all = files();
  const auto found = std::find_if(all.begin(), all.end(), [&](const File& file) { return file.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::string_view content_type(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  return "application/octet-stream";
}

}  // namespace mjwatchd::page
