#include "tests/images/pictures.hpp"

#include <png.h>
#include <webp/encode.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <vector>
// jpeglib.h uses FILE and size_t without including their headers.
#include <jpeglib.h>

namespace mjwatchd::images::test {

namespace {

using Pixels = std::vector<unsigned char>;

Pixels noise(unsigned width, unsigned height, unsigned seed) {
  Pixels pixels(static_cast<std::size_t>(width) * height * 3);
  std::uint32_t state = seed * 2654435761U + 1;
  for (auto& value : pixels) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<unsigned char>(state >> 24U);
  }
  return pixels;
}

std::string number(std::uint64_t value, unsigned width) {
  std::string bytes;
  for (unsigned i = width; i > 0; --i) bytes.push_back(static_cast<char>(value >> (8 * (i - 1)) & 0xffU));
  return bytes;
}

std::string box(const std::string& type, const std::string& body) { return number(body.size() + 8, 4) + type + body; }

/// An EBML element with an 8-byte size.
std::string element(const std::string& id, const std::string& body) {
  return id + number(0x0100000000000000ULL | body.size(), 8) + body;
}

}  // namespace

std::string make_png(unsigned width, unsigned height, unsigned seed) {
  const Pixels pixels = noise(width, height, seed);
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::string out(size, '\0');
  if (png_image_write_to_memory(&image, out.data(), &size, 0, pixels.data(), 0, nullptr) == 0) {
    throw std::runtime_error("libpng");
  }
  out.resize(size);
  return out;
}

std::string make_jpeg(unsigned width, unsigned height, bool progressive) {
  Pixels pixels = noise(width, height, 2);
  jpeg_compress_struct state{};
  jpeg_error_mgr errors{};
  state.err = jpeg_std_error(&errors);
  jpeg_create_compress(&state);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&state, &memory, &size);
  state.image_width = width;
  state.image_height = height;
  state.input_components = 3;
  state.in_color_space = JCS_RGB;
  jpeg_set_defaults(&state);
  if (progressive) jpeg_simple_progression(&state);
  jpeg_start_compress(&state, TRUE);
  for (unsigned y = 0; y < height; ++y) {
    JSAMPROW row = pixels.data() + static_cast<std::size_t>(y) * width * 3;
    if (jpeg_write_scanlines(&state, &row, 1) != 1) throw std::runtime_error("libjpeg");
  }
  jpeg_finish_compress(&state);
  std::string out(reinterpret_cast<char*>(memory), size);
  jpeg_destroy_compress(&state);
  std::free(memory);
  return out;
}

std::string make_webp(unsigned width, unsigned height, bool lossless) {
  const Pixels pixels = noise(width, height, 3);
  const int w = static_cast<int>(width), h = static_cast<int>(height);
  std::uint8_t* memory = nullptr;
  const std::size_t size = lossless ? WebPEncodeLosslessRGB(pixels.data(), w, h, w * 3, &memory)
                                    : WebPEncodeRGB(pixels.data(), w, h, w * 3, 80, &memory);
  if (size == 0) throw std::runtime_error("libwebp");
  std::string out(reinterpret_cast<char*>(memory), size);
  WebPFree(memory);
  return out;
}

std::string make_gif() {
  using namespace std::string_literals;
  return "GIF89a\x03\0\x02\0\x80\0\0\0\0\0\xff\xff\xff"s     // 3 by 2, two colours
         "!\xf9\x04\0\0\0\0\0"s                              // graphic control
         ",\0\0\0\0\x03\0\x02\0\0\x02\x03\x44\x02\x05\0;"s;  // image, trailer
}

std::string make_mp4(unsigned width, unsigned height) {
  const std::string header =
      std::string(76, '\0') + number(std::uint64_t{width} << 16U, 4) + number(std::uint64_t{height} << 16U, 4);
  return box("ftyp", "isom" + number(512, 4) + "isomiso2") + box("moov", box("trak", box("tkhd", header))) +
         box("mdat", std::string(500, 'v'));
}

std::string make_webm(unsigned width, unsigned height) {
  const std::string video = element("\xe0", element("\xb0", number(width, 2)) + element("\xba", number(height, 2)));
  const std::string tracks = element("\x16\x54\xae\x6b", element("\xae", video));
  const std::string cluster = element("\x1f\x43\xb6\x75", std::string(400, 'v'));
  return element("\x1a\x45\xdf\xa3", element("\x42\x82", "webm")) + element("\x18\x53\x80\x67", tracks + cluster);
}

}  // namespace mjwatchd::images::test
