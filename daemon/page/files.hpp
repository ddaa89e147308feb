// The files that the page in a browser is made of, compiled in.
#pragma once

#include <span>
#include <string_view>

namespace mjwatchd::page {

struct File {
  std::string_view name;  ///< "now.js"
  std::string_view etag;  ///< with its quotation marks
  std::string_view body;
};

/// Every file of daemon/page/web, in the order of their names.
[[nodiscard]] std::span<const File> files();

/// Null when there is none of that name.
[[nodiscard]] const File* find_file(std::string_view name);

/// The file as gzip has it, made at the first asking and kept; empty when that is no smaller. Loop thread only.
[[nodiscard]] std::string_view gzipped(const File& file);

/// By the end of the name.
[[nodiscard]] std::string_view content_type(std::string_view name);

/// What the browser may do with the page: only files of ours, no inline scripts or styles, no text that is made
/// into elements, no frame around it, and nothing of it sent elsewhere.
inline constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'";

}  // namespace mjwatchd::page
