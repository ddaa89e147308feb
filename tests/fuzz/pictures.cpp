// Whatever is served as a picture: judged, by whichever format it claims and by all the others.
#include <string>

#include "daemon/images/verify.hpp"
#include "tests/fuzz/must.hpp"

using namespace mjwatchd::images;
using mjwatchd::fuzz::must;

namespace {

void check(const Verdict& verdict) {
  mjwatchd::fuzz::must_be_line(verdict.error);
  if (verdict.error.empty()) must(verdict.type.has_value() && !verdict.cut);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = mjwatchd::fuzz::text_of(data, size);
  MemorySource source(bytes);
  const Verdict verdict = verify(source);
  check(verdict);
  for (const auto one : {verify_png, verify_jpeg, verify_webp, verify_gif, verify_mp4, verify_webm}) check(one(source));
  if (!verdict.error.empty() || size < 2) return 0;
  if (verdict.type != PictureType::webp) return 0;
  // A WebP says how long it is: one that lost its end is not whole.
  const std::uint64_t says = source.little(4, 4).value_or(0) + 8;
  if (says < 9 || says > size) return 0;
  MemorySource shorter(bytes.substr(0, static_cast<std::size_t>(says) - 1));
  must(!verify(shorter).error.empty());
  return 0;
}
