#include "daemon/page/pixels.hpp"

#include <png.h>
#include <turbojpeg.h>
#include <webp/decode.h>
#include <webp/encode.h>

#include <algorithm>
#include <memory>

#include "daemon/page/thumbnail.hpp"

namespace mjwatchd::page {
namespace {

constexpr std::size_t kChannels = 3;
constexpr float kQuality = 78;

Pixels refused(std::string why) {
  Pixels none;
  none.error = std::move(why);
  return none;
}

Pixels blank(Size size) {
  Pixels pixels;
  pixels.width = size.width;
  pixels.height = size.height;
  pixels.rgb.resize(std::size_t{size.width} * size.height * kChannels);
  return pixels;
}

const unsigned char* bytes_of(std::string_view file) { return reinterpret_cast<const unsigned char*>(file.data()); }

}  // namespace

std::string refuse_size(std::uint64_t width, std::uint64_t height) {
  if (width == 0 || height == 0) return "it has no pixels";
  if (width > kMostPixels || height > kMostPixels || width * height > kMostPixels) {
    return "it has " + std::to_string(width) + " × " + std::to_string(height) + " pixels; up to " +
           std::to_string(kMostPixels / 1'000'000) + " million are made small";
  }
  return {};
}

Size fitted(Size size, std::uint32_t side) {
  const auto longer = std::max(size.width, size.height);
  if (longer <= side) return size;
  const auto scaled = [&](std::uint32_t length) {
    const auto exact = (std::uint64_t{length} * side + longer / 2) / longer;
    return static_cast<std::uint32_t>(std::max<std::uint64_t>(exact, 1));
  };
  return {scaled(size.width), scaled(size.height)};
}

Pixels decode_png(std::string_view file) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  const std::unique_ptr<png_image, decltype(&png_image_free)> owner(&image, &png_image_free);
  if (png_image_begin_read_from_memory(&image, file.data(), file.size()) == 0) return refused(image.message);
  if (auto why = refuse_size(image.width, image.height); !why.empty()) return refused(std::move(why));
  image.format = PNG_FORMAT_RGB;
  auto pixels = blank({image.width, image.height});
  const png_color white{255, 255, 255};
  if (png_image_finish_read(&image, &white, pixels.rgb.data(), 0, nullptr) == 0) return refused(image.message);
  return pixels;
}

Pixels decode_jpeg(std::string_view file, std::uint32_t side) {
  const std::unique_ptr<void, decltype(&tjDestroy)> jpeg(tjInitDecompress(), &tjDestroy);
  int width = 0, height = 0, subsampling = 0, colours = 0;
  const auto size = static_cast<unsigned long>(file.size());
  if (tjDecompressHeader3(jpeg.get(), bytes_of(file), size, &width, &height, &subsampling, &colours) != 0) {
    return refused(tjGetErrorStr2(jpeg.get()));
  }
  if (auto why = refuse_size(static_cast<std::uint64_t>(width), static_cast<std::uint64_t>(height)); !why.empty()) {
    return refused(std::move(why));
  }
  if (colours == TJCS_CMYK || colours == TJCS_YCCK) return refused("it is a JPEG for printers (CMYK)");
  // The smallest that is still as large as is wanted: a half, a quarter or an eighth costs next to nothing.
  Size small{static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height)};
  for (const int part : {2, 4, 8}) {
    const tjscalingfactor scale{1, part};
    const auto w = static_cast<std::uint32_t>(TJSCALED(width, scale));
    const auto h = static_cast<std::uint32_t>(TJSCALED(height, scale));
    if (std::max(w, h) >= side) small = {w, h};
  }
  auto pixels = blank(small);
  const int done = tjDecompress2(jpeg.get(), bytes_of(file), size, pixels.rgb.data(), static_cast<int>(small.width), 0,
                                 static_cast<int>(small.height), TJPF_RGB, 0);
  // A warning is about a picture with some damage, and it is shown as far as it goes.
  if (done != 0 && tjGetErrorCode(jpeg.get()) == TJERR_FATAL) return refused(tjGetErrorStr2(jpeg.get()));
  return pixels;
}

Pixels decode_webp(std::string_view file, std::uint32_t side) {
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) return refused("libwebp is of another version than it was built with");
  if (WebPGetFeatures(bytes_of(file), file.size(), &config.input) != VP8_STATUS_OK) return refused("it is no WebP");
  if (config.input.has_animation != 0) return refused("it is an animation");
  const Size whole{static_cast<std::uint32_t>(config.input.width), static_cast<std::uint32_t>(config.input.height)};
  if (auto why = refuse_size(whole.width, whole.height); !why.empty()) return refused(std::move(why));
  const auto small = fitted(whole, side);
  auto pixels = blank(small);
  config.options.use_scaling = 1;
  config.options.scaled_width = static_cast<int>(small.width);
  config.options.scaled_height = static_cast<int>(small.height);
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = pixels.rgb.data();
  config.output.u.RGBA.stride = static_cast<int>(small.width * kChannels);
  config.output.u.RGBA.size = pixels.rgb.size();
  const auto status = WebPDecode(bytes_of(file), file.size(), &config);
  WebPFreeDecBuffer(&config.output);
  if (status != VP8_STATUS_OK) return refused("it is a broken WebP");
  return pixels;
}

Pixels shrink(const Pixels& from, Size to) {
  auto out = blank(to);
  std::size_t at = 0;
  for (std::uint64_t y = 0; y < to.height; ++y) {
    const auto top = y * from.height / to.height;
    const auto bottom = std::max(top + 1, (y + 1) * from.height / to.height);
    for (std::uint64_t x = 0; x < to.width; ++x) {
      const auto left = x * from.width / to.width;
      const auto right = std::max(left + 1, (x + 1) * from.width / to.width);
      std::uint64_t sum[kChannels]{};
      for (auto row = top; row < bottom; ++row) {
        const auto* pixel = &from.rgb[(row * from.width + left) * kChannels];
        for (auto column = left; column < right; ++column) {
          for (auto& channel : sum) channel += *pixel++;
        }
      }
      const auto count = (bottom - top) * (right - left);
      for (const auto channel : sum) out.rgb[at++] = static_cast<std::uint8_t>((channel + count / 2) / count);
    }
  }
  return out;
}

std::string encode_webp(const Pixels& pixels) {
  std::uint8_t* bytes = nullptr;
  const auto width = static_cast<int>(pixels.width), height = static_cast<int>(pixels.height);
  const auto size =
      WebPEncodeRGB(pixels.rgb.data(), width, height, width * static_cast<int>(kChannels), kQuality, &bytes);
  const std::unique_ptr<std::uint8_t, decltype(&WebPFree)> owner(bytes, &WebPFree);
  return size == 0 ? std::string() : std::string(reinterpret_cast<const char*>(bytes), size);
}

}  // namespace mjwatchd::page
