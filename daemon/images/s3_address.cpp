#include "daemon/images/s3_address.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "mjwatchd/ascii.hpp"

namespace mjwatchd::images {
namespace {

/// The rule for new buckets: 3–63 of a-z 0-9 . -, a letter or digit at both ends.
bool is_bucket(std::string_view name) {
  const auto plain = [](char c) { return is_letter_or_digit(c) && c == lower(c); };
  return name.size() >= 3 && name.size() <= 63 && plain(name.front()) && plain(name.back()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return plain(c) || c == '-' || c == '.'; });
}

constexpr std::array<std::pair<std::string_view, char>, 5> kEntities{
    {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}}};

}  // namespace

std::optional<S3Place> parse_s3_place(std::string_view text, std::string& wrong) {
  constexpr std::string_view kScheme = "s3://";
  if (!text.starts_with(kScheme)) {
    wrong = "must begin with s3://";
    return std::nullopt;
  }
  text.remove_prefix(kScheme.size());
  S3Place place;
  place.bucket = text.substr(0, text.find('/'));
  text.remove_prefix(std::min(text.size(), place.bucket.size() + 1));
  while (text.ends_with('/')) text.remove_suffix(1);
  place.prefix = text;
  if (!is_bucket(place.bucket)) {
    wrong = "\"" + place.bucket +
            "\" is no bucket's name; allowed: s3://bucket/prefix, the bucket of 3 to 63 of a-z, "
            "0-9, dots and hyphens";
    return std::nullopt;
  }
  const bool odd = place.prefix.starts_with('/') || place.prefix.find("//") != std::string::npos ||
                   std::any_of(place.prefix.begin(), place.prefix.end(),
                               [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (odd || place.prefix.size() > 512) {
    wrong = "the prefix has an empty part, a control character or more than 512 bytes; allowed: s3://bucket/prefix";
    return std::nullopt;
  }
  return place;
}

std::string encode_key(std::string_view key) { return percent_encoded(key, "/"); }

S3Address::S3Address(const std::string& endpoint, std::string bucket, bool path_style) {
  if (path_style) {
    base_ = endpoint + "/" + bucket + "/";
  } else {
    const auto host = endpoint.find("://") + 3;
    base_ = endpoint.substr(0, host) + std::move(bucket) + "." + endpoint.substr(host) + "/";
  }
}

std::string S3Address::url(std::string_view key, std::string_view query) const {
  return base_ + encode_key(key) + (query.empty() ? "" : "?" + std::string(query));
}

std::string xml_text(std::string_view xml, std::string_view tag) {
  const std::string open = "<" + std::string(tag) + ">", close = "</" + std::string(tag) + ">";
  const auto begin = xml.find(open);
  if (begin == std::string_view::npos) return {};
  const auto end = xml.find(close, begin);
  if (end == std::string_view::npos) return {};
  std::string_view inner = xml.substr(begin + open.size(), end - begin - open.size());
  std::string out;
  while (!inner.empty()) {
    const auto entity = std::find_if(kEntities.begin(), kEntities.end(),
                                     [&](const auto& known) { return inner.starts_with(known.first); });
    if (entity == kEntities.end()) {
      out.push_back(inner.front());
      inner.remove_prefix(1);
    } else {
      out.push_back(entity->second);
      inner.remove_prefix(entity->first.size());
    }
  }
  return out;
}

std::string xml_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto entity =
        std::find_if(kEntities.begin(), kEntities.end(), [c](const auto& known) { return known.second == c; });
    if (entity == kEntities.end()) {
      out.push_back(c);
    } else {
      out += entity->first;
    }
  }
  return out;
}

}  // namespace mjwatchd::images
