// The three codecs behind one shape: a canvas in, the bytes of a file out.
#include <csetjmp>
#include <cstddef>
#include <cstdio>

// jpeglib.h needs the two above.
#include <jpeglib.h>
#include <png.h>
#include <webp/encode.h>

#include <cstdlib>
#include <memory>
#include <stdexcept>

#include "daemon/standin/picture.hpp"

namespace mjwatchd::standin {

namespace {

/// jpeglib's own error handler ends the process; this one leaves the C frames by longjmp.
struct JpegError {
  jpeg_error_mgr manager;
  jmp_buf leave;
};

[[noreturn]] void jpeg_failed(j_common_ptr info) {
  // The manager is the first member, as jpeglib's documentation has it.
  auto* error = reinterpret_cast<JpegError*>(info->err);
  longjmp(error->leave, 1);
}

/// Only C types live in this frame, so that longjmp skips no destructor.
bool compress_jpeg(const std::uint8_t* pixels, std::uint32_t width, std::uint32_t height, unsigned char** bytes,
                   unsigned long* size) {
  jpeg_compress_struct info;
  JpegError error;
  info.err = jpeg_std_error(&error.manager);
  error.manager.error_exit = jpeg_failed;
  if (setjmp(error.leave) != 0) {
    jpeg_destroy_compress(&info);
    return false;
  }
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, bytes, size);
  info.image_width = width;
  info.image_height = height;
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 92, TRUE);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < height) {
    // The library takes a non-const row, and only reads it.
    auto* row = const_cast<JSAMPLE*>(pixels + 3 * static_cast<std::size_t>(info.next_scanline) * width);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  return true;
}

}  // namespace

std::string encode_png(const Canvas& canvas) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = canvas.width;
  image.height = canvas.height;
  image.format = PNG_FORMAT_RGB;
  image.flags = PNG_IMAGE_FLAG_FAST;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::string bytes(size, '\0');
  if (png_image_write_to_memory(&image, bytes.data(), &size, 0, canvas.pixels.data(), 0, nullptr) == 0) {
    throw std::runtime_error(std::string("png: ") + image.message);
  }
  bytes.resize(size);
  bytes.shrink_to_fit();
  return bytes;
}

std::string encode_jpeg(const Canvas& canvas) {
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  const bool good = compress_jpeg(canvas.pixels.data(), canvas.width, canvas.height, &bytes, &size);
  const std::unique_ptr<unsigned char, decltype(&std::free)> owner(bytes, &std::free);
  if (!good) throw std::runtime_error("jpeg: cannot encode");
  return {reinterpret_cast<const char*>(bytes), size};
}

std::string encode_webp(const Canvas& canvas) {
  std::uint8_t* bytes = nullptr;
  const auto width = static_cast<int>(canvas.width);
  const auto size = WebPEncodeRGB(canvas.pixels.data(), width, static_cast<int>(canvas.height), 3 * width, 96, &bytes);
  const std::unique_ptr<std::uint8_t, decltype(&WebPFree)> owner(bytes, &WebPFree);
  if (size == 0) throw std::runtime_error("webp: cannot encode");
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace mjwatchd::standin
