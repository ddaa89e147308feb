// Retry-After and HTTP dates, and moments as people write them.
#include <string>

#include "daemon/control/moment.hpp"
#include "daemon/webhooks/http_date.hpp"
#include "tests/fuzz/must.hpp"

using namespace mjwatchd;
using mjwatchd::fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const WallTime now{milliseconds(1'795'439'280'123)};
  for (const WallTime when : {now, WallTime{}, WallTime{milliseconds(253'402'300'799'000)}}) {
    if (const auto wait = webhooks::parse_retry_after(text, when)) must(*wait >= milliseconds(0));
  }
  control::Json value;
  value.kind = size % 2 == 0 ? control::Json::Kind::text : control::Json::Kind::number;
  value.text = text;
  std::string wrong;
  const auto moment = control::parse_moment(value, now, wrong);
  must(moment.has_value() || !wrong.empty());
  return 0;
}
