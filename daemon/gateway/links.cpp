#include "daemon/gateway/links.hpp"

#include <algorithm>
#include <charconv>
#include <unordered_set>
#include <utility>

#include "daemon/gateway/json.hpp"
#include "mjwatchd/ascii.hpp"

namespace mjwatchd::gateway {
namespace {

using Kind = PictureLink::Kind;

constexpr std::size_t kLongestUrl = 8192;
constexpr std::size_t kMostLinks = 256;  // a hostile object ends here
constexpr std::size_t kDeepest = 4;
// Outside of these an `ex=` is not Discord's: 2015 and 2100 in Unix seconds.
constexpr std::int64_t kFirstExpiry = 1'420'070'400, kLastExpiry = 4'102'444'800;

bool usable(std::string_view url) {
  const auto bad = [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; };
  return !url.empty() && url.size() <= kLongestUrl && std::none_of(url.begin(), url.end(), bad);
}

bool is_video(std::string_view url) {
  std::string_view path = url.substr(0, url.find_first_of("?#"));
  const auto dot = path.rfind('.');
  if (dot == std::string_view::npos) return false;
  const std::string end = lower(path.substr(dot));
  return end == ".mp4" || end == ".webm";
}

std::optional<WallTime> expiry(std::string_view url) {
  const auto question = url.find('?');
  if (question == std::string_view::npos) return std::nullopt;
  std::string_view query = url.substr(question + 1);
  query = query.substr(0, query.find('#'));
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (!pair.starts_with("ex=")) continue;
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(pair.data() + 3, pair.data() + pair.size(), seconds, 16);
    if (error != std::errc() || end != pair.data() + pair.size()) return std::nullopt;
    if (seconds < kFirstExpiry || seconds > kLastExpiry) return std::nullopt;
    return WallTime(std::chrono::seconds(seconds));
  }
  return std::nullopt;
}

class Collector {
 public:
  void add(const Json* value, Kind kind, std::size_t depth = 0) {
    if (value == nullptr || depth > kDeepest || links_.size() >= kMostLinks) return;
    if (value->is(Json::Kind::string)) {
      add_text(value->text, kind, depth);
    } else if (value->is(Json::Kind::array)) {
      for (const Json& item : value->items) add(&item, kind, depth + 1);
    } else if (value->is(Json::Kind::object)) {
      add(value->find({"url", "imageUrl", "image_url", "videoUrl", "video_url"}), kind, depth + 1);
    }
  }

  std::vector<PictureLink> take() { return std::move(links_); }

 private:
  /// A URL, or a list of them as JSON in a string.
  void add_text(const std::string& text, Kind kind, std::size_t depth) {
    if (text.starts_with('[')) {
      const auto list = parse_json(text);
      if (list) add(&*list, kind, depth + 1);
      return;
    }
    if (!usable(text) || !known_.insert(text).second) return;
    links_.push_back({text, is_video(text) ? Kind::video : kind, expiry(text)});
  }

  std::vector<PictureLink> links_;
  std::unordered_set<std::string> known_;
};

}  // namespace

std::vector<PictureLink> picture_links(std::string_view object) {
  const auto task = parse_json(object);
  if (!task) return {};
  Collector links;
  const auto each = [&](std::initializer_list<std::string_view> keys, Kind kind) {
    for (const auto key : keys) links.add(task->find(key), kind);
  };
  // The raw one is the same picture at its origin, where a gateway has put its own address first.
  each({"imageUrl", "image_url", "imageRawUrl", "image_raw_url"}, Kind::image);
  each({"imageUrls", "image_urls", "images"}, Kind::part);
  each({"videoUrl", "video_url", "videoUrls", "video_urls"}, Kind::video);
  return links.take();
}

std::optional<WallTime> earliest_expiry(std::string_view object) {
  // Most gateways' links never expire; a list of links in a string may have its own escapes.
  if (object.find("ex=") == std::string_view::npos && object.find("\\u00") == std::string_view::npos) return {};
  std::optional<WallTime> earliest;
  for (const PictureLink& link : picture_links(object)) {
    if (link.expires && (!earliest || *link.expires < *earliest)) earliest = link.expires;
  }
  return earliest;
}

}  // namespace mjwatchd::gateway
