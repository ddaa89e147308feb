#include "daemon/page/thumbnails.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <memory>
#include <system_error>

#include "daemon/page/thumbnail.hpp"

namespace mjwatchd::page {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostWaiting = 500;  ///< more than any gallery shows at once

struct Kept {
  fs::path file;
  std::uint64_t bytes = 0;
  fs::file_time_type used{};
};

std::vector<Kept> all_of(const fs::path& folder) {
  std::vector<Kept> all;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; at != end && !error; at.increment(error)) {
    std::error_code gone;  // somebody else may tidy up, too
    if (!at->is_regular_file(gone) || at->path().extension() != ".webp") continue;
    const auto bytes = at->file_size(gone);
    const auto used = gone ? fs::file_time_type{} : at->last_write_time(gone);
    if (!gone) all.push_back({at->path(), bytes, used});
  }
  return all;
}

/// Nothing, and why, when it can't be read whole or is too large.
std::string read_file(const std::string& file, std::string& error) {
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  const auto size = in ? static_cast<std::int64_t>(in.tellg()) : -1;
  if (size < 0) {
    error = "its file can't be read: " + std::generic_category().message(errno);
    return {};
  }
  if (size > static_cast<std::int64_t>(kMostPictureBytes)) {
    error = "its file has " + std::to_string(size >> 20U) + " MiB; up to " + std::to_string(kMostPictureBytes >> 20U) +
            " are made small";
    return {};
  }
  std::string bytes(static_cast<std::size_t>(size), '\0');
  in.seekg(0);
  if (!in.read(bytes.data(), size)) error = "its file can't be read whole";
  return bytes;
}

bool write_file(const fs::path& file, std::string_view bytes) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  return out.good();
}

}  // namespace

Thumbnails::Thumbnails(asio::io_context& io, fs::path folder, std::uint64_t most_bytes)
    : folder_(std::move(folder)), most_bytes_(most_bytes), worker_(io, kMostWaiting) {}

bool Thumbnails::is_digest(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

fs::path Thumbnails::place_of(std::string_view sha256) const {
  return folder_ / sha256.substr(0, 2) / (std::string(sha256) + ".webp");
}

std::string Thumbnails::kept(const std::string& sha256) const {
  if (!is_digest(sha256)) return {};
  const auto place = place_of(sha256);
  std::error_code error;
  const auto size = fs::file_size(place, error);
  return !error && size > 0 ? place.string() : std::string();  // a power cut may leave an empty one
}

void Thumbnails::make(const std::string& sha256, const std::string& file, Done done) {
  if (!is_digest(sha256)) {  // it becomes the name of a file
    return worker_.later([done = std::move(done)] { done({}, "its SHA-256 is not known"); });
  }
  auto& askers = waiting_[sha256];
  askers.push_back(std::move(done));
  if (askers.size() > 1) return;
  const auto result = std::make_shared<Result>();
  const auto tell = [this, sha256, result] {
    const auto answered = waiting_.extract(sha256);
    for (const auto& asker : answered.mapped()) asker(result->file, result->error);
  };
  const bool taken = worker_.post([this, sha256, file, result] { *result = make_now(sha256, file); }, tell);
  if (taken) return;
  result->error = "too many are being made; ask again in a moment";
  worker_.later(tell);
}

void Thumbnails::forget(std::vector<std::string> sha256) {
  const auto remove = [this, all = std::move(sha256)] {
    for (const auto& one : all) {
      std::error_code error;
      if (is_digest(one)) fs::remove(place_of(one), error);
    }
  };
  // When too much waits they stay until there is no room for them.
  static_cast<void>(worker_.post(remove, nullptr));
}

Thumbnails::Result Thumbnails::make_now(const std::string& sha256, const std::string& file) {
  if (auto there = kept(sha256); !there.empty()) return {std::move(there), {}};
  try {
    std::string error;
    const auto picture = read_file(file, error);
    if (!error.empty()) return {{}, std::move(error)};
    auto thumbnail = make_thumbnail(picture);
    if (!thumbnail.error.empty()) return {{}, std::move(thumbnail.error)};
    const auto place = place_of(sha256);
    const fs::path part = place.string() + ".part";
    fs::create_directories(place.parent_path());
    // Put in place whole; not synced, for it can be made again.
    if (!write_file(part, thumbnail.webp)) {
      fs::remove(part);
      return {{}, "the thumbnail can't be written to " + folder_.string()};
    }
    fs::rename(part, place);
    bytes_ += thumbnail.webp.size();
    make_room();
    return {place.string(), {}};
  } catch (const std::exception& failure) {  // no memory, or no folder can be made
    return {{}, failure.what()};
  }
}

void Thumbnails::make_room() {
  if (looked_ && bytes_ <= most_bytes_) return;
  auto all = all_of(folder_);
  bytes_ = 0;
  for (const auto& one : all) bytes_ += one.bytes;
  looked_ = true;
  if (bytes_ <= most_bytes_) return;
  std::sort(all.begin(), all.end(), [](const Kept& a, const Kept& b) { return a.used < b.used; });
  // A quarter more than is needed, so that this is not done for each new one.
  for (const auto& one : all) {
    if (bytes_ <= most_bytes_ - most_bytes_ / 4) return;
    std::error_code error;
    if (fs::remove(one.file, error)) bytes_ -= one.bytes;
  }
}

}  // namespace mjwatchd::page
