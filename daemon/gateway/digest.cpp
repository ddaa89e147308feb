#include "daemon/gateway/digest.hpp"

#include <algorithm>
#include <array>

namespace mjwatchd::gateway {
namespace {

/// Links: while a task runs they lead to previews, each look to another.
bool is_link(std::string_view key) {
  static constexpr std::array<std::string_view, 8> kBegins{"imageUrl", "image_url", "imageRawUrl", "image_raw_url",
                                                           "images",   "videoUrl",  "video_url",   "thumbnail"};
  return std::any_of(kBegins.begin(), kBegins.end(), [key](auto begin) { return key.starts_with(begin); });
}

/// What tells when it was asked, or repeats other fields in words.
bool is_chatter(std::string_view key) {
  static constexpr std::array<std::string_view, 8> kNames{"displays",   "updateTime", "update_time", "updatedAt",
                                                          "updated_at", "timestamp",  "serverTime",  "server_time"};
  return std::find(kNames.begin(), kNames.end(), key) != kNames.end();
}

}  // namespace

bool counts_as_change(std::string_view key, Status status) {
  return !is_chatter(key) && (is_final(status) || !is_link(key));
}

std::uint64_t digest_of_members(std::uint64_t sum) {
  const std::uint64_t digest = hash_of_number(sum, 0);
  return digest == 0 ? 1 : digest;
}

}  // namespace mjwatchd::gateway
