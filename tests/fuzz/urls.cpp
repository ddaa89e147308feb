// URLs and addresses that apps and gateways give.
#include <stdexcept>
#include <string>

#include "daemon/images/origin.hpp"
#include "daemon/webhooks/url_rules.hpp"
#include "tests/fuzz/must.hpp"

using namespace mjwatchd;
using mjwatchd::fuzz::must;

namespace {

void check_addresses(const std::string& text) {
  if (const auto address = webhooks::parse_address(text)) {
    must(webhooks::parse_address(webhooks::to_string(*address)) == address);
  }
  try {
    const auto range = webhooks::parse_cidr(text);
    must(range.prefix <= 128 && range.contains(range.network));
    const webhooks::AddressPolicy policy({text}, "webhooks.allow");
    must(policy.allowed_by_name(range.network) && !policy.refuse(range.network));
  } catch (const std::invalid_argument&) {  // refused with a sentence
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(fuzz::text_of(data, size));
  static const webhooks::AddressPolicy policy({"127.0.0.0/8", "fd00::/8"}, "webhooks.allow");
  const auto verdict = webhooks::check_url(text, policy);
  if (verdict.good()) {
    must(verdict.url.starts_with("https://") || verdict.url.starts_with("http://"));
    const auto again = webhooks::check_url(verdict.url, policy);
    must(again.good() && again.url == verdict.url);
  }
  check_addresses(text);
  if (const auto origin = images::origin_of(text)) must(!origin->host.empty() && !origin->port.empty());
  fuzz::must_be_line(images::shown(text));
  static_cast<void>(images::resolve("https://a.example/b/c?d", text));
  static_cast<void>(images::resolve(text, "../x"));
  static_cast<void>(images::rewritten(text, {{"http://localhost:3000", "https://a.example"}}));
  return 0;
}
