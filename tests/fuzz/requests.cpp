// Whatever a client sends to the control socket: the HTTP around it, and the registrations in it.
//
// The first byte chooses who reads the rest.
#include <memory>
#include <string>

#include "daemon/control/byte_range.hpp"
#include "daemon/control/moment.hpp"
#include "daemon/control/registration.hpp"
#include "daemon/http/request_target.hpp"
#include "daemon/http/session_head_scan.hpp"
#include "daemon/http/session_parser.hpp"
#include "tests/control/fake_desk.hpp"
#include "tests/fuzz/must.hpp"

using namespace mjwatchd;
using namespace mjwatchd::control;
using mjwatchd::fuzz::must;

namespace {

const Desk& desk() {
  static asio::io_context io;
  static EventHub hub;
  static const test::FakeDesk one(io, hub);
  return one;
}

void read_request(std::string_view bytes) {
  http::HeadScan scan(16384);
  http::RequestParser parser(4096);
  while (!bytes.empty()) {
    const auto seen = scan.look(bytes);
    must(seen.size <= bytes.size());
    if (seen.refusal || seen.size == 0) return;
    if (parser.parse_head(bytes.substr(0, seen.size), false)) return;
    bytes.remove_prefix(seen.size);
    parser.take_body(65536, nullptr);
    while (!parser.complete() && !bytes.empty()) {
      http::Refusal refusal;
      const std::size_t used = parser.parse_body(bytes, refusal);
      must(used <= bytes.size());
      bytes.remove_prefix(used);
      if (refusal || (used == 0 && !parser.complete())) return;
    }
    if (!parser.complete()) return;
    must(parser.head().request.body.size() <= 65536);
    parser.next();
    scan.reset();
  }
}

void check(const Decoded<Registration>& decoded) {
  if (const auto* refusal = std::get_if<control::Refusal>(&decoded)) return must(!refusal->what.empty());
  const auto& taken = std::get<Registration>(decoded);
  must(!refuse_id(taken.key.id));
  must(taken.metadata.size() <= kMostMetadata);
  must(!taken.webhooks || taken.webhooks->size() <= kMostReceivers);
}

void read_body(std::string_view text) {
  std::string wrong;
  const auto json = read_json(text, wrong);
  must(json.has_value() == wrong.empty());
  if (!json) return;
  const std::string plain = canonical(*json);
  const auto again = read_json(plain, wrong);
  must(again && canonical(*again) == plain);
  check(decode_registration(*json, "1712158011464906", "", desk()));
  check(decode_line(*json, "", desk()));
  const auto many = decode_many(*json, "second", desk());
  if (const auto* taken = std::get_if<ManyTasks>(&many)) must(taken->common.key.id.empty());
  static_cast<void>(decode_receiver(*json, desk()));
  static_cast<void>(parse_moment(*json, test::kNow, wrong));
}

void read_target(std::string_view text) {
  http::ServerRequest request;
  if (http::split_target(text, request) != nullptr) return;
  must(request.path.size() <= 64 && request.query.size() <= 256);
}

void read_range(std::string_view text) {
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1000}, ~std::uint64_t{0}}) {
    const auto verdict = judge_range({text, {}, {}}, "\"x\"", size);
    if (verdict.kind != RangeVerdict::Kind::part) continue;
    must(verdict.length > 0 && verdict.offset < size && verdict.length <= size - verdict.offset);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rest = fuzz::text_of(data + 1, size - 1);
  switch (data[0]) {
    case 'H':
      read_request(rest);
      return 0;
    case 'T':
      read_target(rest);
      return 0;
    case 'R':
      read_range(rest);
      return 0;
    default:
      read_body(fuzz::text_of(data, size));
      return 0;
  }
}
