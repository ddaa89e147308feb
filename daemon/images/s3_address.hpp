// How an object of an S3-compatible store is named: its path, its URL.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mjwatchd::images {

/// "s3://bucket/prefix" taken apart; the prefix has no slash at either end and may be empty.
struct S3Place {
  std::string bucket, prefix;
};

/// Nothing when it is no such place; `wrong` then says why, and what is allowed.
[[nodiscard]] std::optional<S3Place> parse_s3_place(std::string_view text, std::string& wrong);

/// As signatures want it: everything but letters, digits and - _ . ~ as %XX, slashes kept.
[[nodiscard]] std::string encode_key(std::string_view key);

/// Where a bucket answers. Immutable.
class S3Address {
 public:
  /// `endpoint`: scheme, host and port without a slash at the end. With `path_style` the bucket is the
  /// first part of the path, else the first part of the host.
  S3Address(const std::string& endpoint, std::string bucket, bool path_style);
  /// `query` as it is signed: its parts sorted and encoded already.
  [[nodiscard]] std::string url(std::string_view key, std::string_view query = {}) const;

 private:
  std::string base_;
};

/// The text between <tag> and </tag>, the first one; empty when there is none. For the few short
/// answers of S3, which have no attributes there.
[[nodiscard]] std::string xml_text(std::string_view xml, std::string_view tag);
[[nodiscard]] std::string xml_escaped(std::string_view text);

}  // namespace mjwatchd::images
