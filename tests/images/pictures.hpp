// Real pictures, made by the libraries that everybody reads them with.
#pragma once

#include <string>

namespace mjwatchd::images::test {

/// A noisy picture of that size; the same arguments give the same bytes.
[[nodiscard]] std::string make_png(unsigned width, unsigned height, unsigned seed = 1);
[[nodiscard]] std::string make_jpeg(unsigned width, unsigned height, bool progressive = false);
[[nodiscard]] std::string make_webp(unsigned width, unsigned height, bool lossless = false);
/// The smallest of their kind, by hand.
[[nodiscard]] std::string make_gif();
[[nodiscard]] std::string make_mp4(unsigned width, unsigned height);
[[nodiscard]] std::string make_webm(unsigned width, unsigned height);

}  // namespace mjwatchd::images::test
