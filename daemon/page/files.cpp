#include "daemon/page/files.hpp"

#include <zlib.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>

namespace mjwatchd::page {
namespace {

std::string gzip(std::string_view text) {
  z_stream stream{};
  constexpr int kGzip = 15 + 16;  // the widest window, with gzip's header
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kGzip, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("zlib can't be used");
  }
  std::string out(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // zlib only reads it
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int done = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (done != Z_STREAM_END) throw std::runtime_error("zlib did not finish");
  return out;
}

}  // namespace

const File* find_file(std::string_view name) {
  const auto all = files();
  const auto found = std::find_if(all.begin(), all.end(), [&](const File& file) { return file.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::string_view gzipped(const File& file) {
  static std::map<std::string_view, std::string> made;
  const auto [at, first] = made.try_emplace(file.name);
  if (first) at->second = gzip(file.body);
  return at->second.size() < file.body.size() ? std::string_view(at->second) : std::string_view();
}

std::string_view content_type(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  return "application/octet-stream";
}

}  // namespace mjwatchd::page
