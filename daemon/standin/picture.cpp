#include "daemon/standin/picture.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "daemon/standin/script.hpp"

namespace mjwatchd::standin {

namespace {

using Colour = std::array<double, 3>;

constexpr double kPngBytesPerPixel = 1.2;

/// A hue on the cosine palette: pleasing for any input.
Colour hue(double turn, double brightness) {
  constexpr double kTau = 6.283185307179586;
  return {brightness * (0.55 + 0.40 * std::cos(kTau * turn)),
          brightness * (0.50 + 0.38 * std::cos(kTau * (turn + 0.33))),
          brightness * (0.55 + 0.40 * std::cos(kTau * (turn + 0.63)))};
}

double fraction(std::uint64_t bits) { return static_cast<double>(bits & 0xFFFFU) / 65536.0; }

/// One variant, drawn into a square of the canvas. The waves are sums of functions of x, of y and
/// of x + y, which are tabulated: no sine is computed for a pixel.
void paint(Canvas& canvas, std::uint32_t left, std::uint32_t top, std::uint32_t side, std::uint64_t seed) {
  const double bend = 2 + 5 * fraction(seed);
  const double lean = 1 + 4 * fraction(seed >> 8U);
  const double phase = 6.28 * fraction(seed >> 16U);
  const double turn = fraction(seed >> 24U);
  std::vector<double> across(side);
  std::vector<double> down(side);
  std::vector<double> along(2 * static_cast<std::size_t>(side));
  for (std::uint32_t i = 0; i < side; ++i) {
    const double t = static_cast<double>(i) / side;
    across[i] = 0.5 * std::sin(bend * t + phase);
    down[i] = 0.5 * std::cos(lean * t * 1.7 + phase * 0.5);
  }
  for (std::size_t i = 0; i < along.size(); ++i) {
    along[i] = 0.35 * std::sin(9 * static_cast<double>(i) / (2.0 * side) * lean + phase * 2);
  }
  constexpr int kShades = 512;
  std::array<std::array<std::uint8_t, 3>, kShades> palette{};
  for (int shade = 0; shade < kShades; ++shade) {
    const double s = static_cast<double>(shade) / kShades;
    const auto colour = hue(turn + 0.45 * s, 0.55 + 0.45 * s);
    for (std::size_t c = 0; c < 3; ++c) {
      palette[static_cast<std::size_t>(shade)][c] = static_cast<std::uint8_t>(std::clamp(colour[c], 0.0, 1.0) * 240);
    }
  }
  std::uint64_t grain = seed | 1U;
  for (std::uint32_t y = 0; y < side; ++y) {
    auto* pixel = &canvas.pixels[3 * (static_cast<std::size_t>(top + y) * canvas.width + left)];
    for (std::uint32_t x = 0; x < side; ++x) {
      const double wave = across[x] + down[y] + along[x + y];
      const int shade = std::clamp(static_cast<int>((wave + 1.4) / 2.8 * kShades), 0, kShades - 1);
      grain ^= grain << 13U;
      grain ^= grain >> 7U;
      grain ^= grain << 17U;
      for (std::size_t c = 0; c < 3; ++c) {
        const auto noise = static_cast<unsigned>(grain >> (8 * c)) & 7U;
        *pixel++ = static_cast<std::uint8_t>(palette[static_cast<std::size_t>(shade)][c] + noise);
      }
    }
  }
}

}  // namespace

std::string_view extension(PictureKind kind) {
  switch (kind) {
    case PictureKind::png:
      return ".png";
    case PictureKind::jpeg:
      return ".jpg";
    case PictureKind::webp:
      return ".webp";
    case PictureKind::mp4:
      return ".mp4";
  }
  return "";
}

std::string_view content_type(PictureKind kind) {
  switch (kind) {
    case PictureKind::png:
      return "image/png";
    case PictureKind::jpeg:
      return "image/jpeg";
    case PictureKind::webp:
      return "image/webp";
    case PictureKind::mp4:
      return "video/mp4";
  }
  return "application/octet-stream";
}

Canvas draw(std::string_view id, int number, std::uint32_t side) {
  side = std::clamp<std::uint32_t>(side & ~1U, 2, 8192);
  Canvas canvas{side, side, std::vector<std::uint8_t>(3 * static_cast<std::size_t>(side) * side)};
  const auto variant = [id](int n) { return digest(id, static_cast<std::uint64_t>(n) + 11); };
  if (number != 0) {
    paint(canvas, 0, 0, side, variant(number));
    return canvas;
  }
  const auto half = side / 2;
  paint(canvas, 0, 0, half, variant(1));
  paint(canvas, half, 0, half, variant(2));
  paint(canvas, 0, half, half, variant(3));
  paint(canvas, half, half, half, variant(4));
  return canvas;
}

namespace {

/// The clip with a `free` box behind it (ISO 14496-12: any bytes, skipped by players), so that it
/// has the size of a real one, and each task's bytes are its own.
std::string filled_clip(std::string_view id, int number, std::uint32_t side) {
  std::string out(clip_mp4());
  const auto wanted = static_cast<std::size_t>(kPngBytesPerPixel * side * side);
  const std::size_t body = wanted > out.size() + 16 ? wanted - out.size() - 8 : 8;
  const std::size_t box = body + 8;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) out.push_back(static_cast<char>(box >> shift & 0xFFU));
  out += "free";
  std::uint64_t bits = digest(id, static_cast<std::uint64_t>(number) + 11);
  for (std::size_t i = 0; i < body; ++i) {
    bits = bits * 6364136223846793005U + 1442695040888963407U;  // Knuth's MMIX generator
    out.push_back(static_cast<char>(bits >> 56U));
  }
  return out;
}

}  // namespace

std::uint32_t side_for(PictureKind kind, std::uint64_t bytes) {
  // Bytes a pixel of what draw() makes, measured; a clip is filled up to as many as a PNG.
  double each = kPngBytesPerPixel;
  if (kind == PictureKind::jpeg) each = 0.125;
  if (kind == PictureKind::webp) each = 0.10;
  const double side = std::sqrt(static_cast<double>(bytes) / each);
  return static_cast<std::uint32_t>(std::clamp(side, 64.0, 4096.0)) & ~1U;
}

std::string make_picture(PictureKind kind, std::string_view id, int number, std::uint32_t side) {
  switch (kind) {
    case PictureKind::png:
      return encode_png(draw(id, number, side));
    case PictureKind::jpeg:
      return encode_jpeg(draw(id, number, side));
    case PictureKind::webp:
      return encode_webp(draw(id, number, side));
    case PictureKind::mp4:
      break;
  }
  return filled_clip(id, number, side);
}

}  // namespace mjwatchd::standin
