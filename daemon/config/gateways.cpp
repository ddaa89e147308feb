// The part `gateways` of the configuration.
#include <algorithm>

#include "daemon/config/sections.hpp"
#include "mjwatchd/ascii.hpp"

namespace mjwatchd::config {
namespace {

using namespace std::chrono_literals;

void read_url(Section& gateway, Gateway& out) {
  std::string text;
  std::string wrong;
  gateway.flag("allow_http", out.allow_http);
  if (!gateway.text("url", text)) {
    if (!gateway.has("url")) gateway.error("url", "is missing; write it like https://octopusx.ai");
    return;
  }
  const auto url = parse_url(text, wrong);
  if (!url) return gateway.error("url", wrong);
  if (url->scheme != "https" && url->scheme != "http") {
    return gateway.error("url", "\"" + url->scheme + "\" is not allowed; allowed: https://, or http:// to loopback");
  }
  if (url->path != "/" || !url->query.empty()) {
    return gateway.error("url", "must end after the host and port; a path belongs into \"prefix\"");
  }
  if (url->scheme == "http" && !url->loopback && !out.allow_http) {
    return gateway.error("url",
                         "http:// would send the token unencrypted; allowed: https://, http:// to loopback, or any "
                         "http:// with allow_http: true");
  }
  out.url = url->origin();
}

void read_prefix(Section& gateway, Gateway& out) {
  if (!gateway.text("prefix", out.prefix)) return;
  while (!out.prefix.empty() && out.prefix.back() == '/') out.prefix.pop_back();
  const bool plain =
      std::all_of(out.prefix.begin(), out.prefix.end(), [](char c) { return is_unreserved(c) || c == '/'; });
  if (!out.prefix.empty() && (out.prefix.front() != '/' || !plain)) {
    gateway.error("prefix", "\"" + out.prefix + "\" is not allowed; allowed: a path like /mj or /mj-fast/mj");
  }
}

void read_token(Section& gateway, Gateway& out) {
  const bool file = gateway.text("token_file", out.token.file);
  const bool env = gateway.text("token_env", out.token.env);
  if (file && env) {
    gateway.error("token_env", "can't stand beside token_file; keep one of them");
  } else if (out.token.empty()) {
    gateway.error("token_file",
                  "is missing; name a file that holds the token, or an environment variable by token_env");
  }
}

void read_rewrites(Section& gateway, Gateway& out) {
  const auto base = [&](const std::string& text, Mark mark) -> std::optional<std::string> {
    std::string wrong;
    const auto url = parse_url(text, wrong);
    if (url && (url->scheme == "http" || url->scheme == "https") && url->query.empty()) return text;
    gateway.error("rewrite_urls", mark, url ? "must be http:// or https:// without a query" : wrong);
    return std::nullopt;
  };
  for (const Entry& entry : gateway.named("rewrite_urls")) {
    if (!entry.value || entry.value->kind != Node::Kind::scalar) {
      gateway.error("rewrite_urls", entry.mark, "must say what to write instead, like \"https://octopusx.ai\"");
      continue;
    }
    auto from = base(entry.key, entry.mark);
    auto to = base(entry.value->text, entry.value->mark);
    if (from && to) out.rewrite_urls.emplace_back(std::move(*from), std::move(*to));
  }
}

Gateway read_gateway(Section gateway, const std::string& name, const std::filesystem::path& beside) {
  static const std::vector<std::string_view> kAuth{"bearer", "mj-api-secret"};
  Gateway out;
  out.name = name;
  read_url(gateway, out);
  read_prefix(gateway, out);
  if (const auto auth = gateway.choice("auth", kAuth)) out.auth = static_cast<Auth>(*auth);
  read_token(gateway, out);
  gateway.whole("batch", out.polling.batch, 1, 1000);
  gateway.duration("call_cost", out.polling.call_cost, 1ms, 1h);
  gateway.whole("max_calls_per_minute", out.polling.max_calls_per_minute, 1, 100'000);
  gateway.whole("max_in_flight", out.polling.max_in_flight, 1, 256);
  gateway.duration("timeout", out.timeout, 100ms, 10min);
  read_proxy(gateway, out.proxy);
  read_file_name(gateway, "ca_file", beside, out.ca_file);
  read_rewrites(gateway, out);
  gateway.refuse_unknown();
  return out;
}

}  // namespace

void read_gateways(Section& top, Config& out) {
  const auto entries = top.named("gateways");
  Section all = top.sub("gateways");
  for (const Entry& entry : entries) {
    if (!is_name(entry.key)) {
      all.error(entry.key, entry.mark,
                "is not a usable name; allowed: 1 to 64 of A-Z a-z 0-9 _ . - beginning with a letter or digit");
      continue;
    }
    out.gateways.push_back(read_gateway(all.sub(entry.key), entry.key, out.file.parent_path()));
  }
  if (entries.empty()) top.error("gateways", "there must be at least one gateway");
}

}  // namespace mjwatchd::config
