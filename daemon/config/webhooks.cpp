// The part `webhooks` of the configuration.
#include <algorithm>

#include "daemon/config/sections.hpp"
#include "daemon/http/header_text.hpp"
#include "daemon/http/own_headers.hpp"
#include "mjwatchd/names.hpp"

namespace mjwatchd::config {
namespace {

using namespace std::chrono_literals;

constexpr EventMask kDefaultEvents =
    mask_of(EventType::succeeded) | mask_of(EventType::failed) | mask_of(EventType::cancelled) |
    mask_of(EventType::modal) | mask_of(EventType::images) | mask_of(EventType::expired) | mask_of(EventType::lost);

// At once, then over 75 hours: long enough for a receiver that is down over a weekend.
const std::vector<milliseconds>& default_ladder() {
  static const std::vector<milliseconds> ladder{5s, 30s, 5min, 30min, 2h, 5h, 10h, 14h, 20h, 24h};
  return ladder;
}

std::string refuse_header(const std::string& name, const std::string& value) {
  if (!http::is_token(name)) return "is not a header's name";
  if (http::is_own_header(name)) {
    return "is set by the daemon itself; webhook-*, content-*, host, user-agent, proxy and connection headers can't be "
           "replaced";
  }
  return http::has_control(value) ? "its value holds a line break or another control character" : std::string();
}

void read_headers(Section& endpoint, Endpoint& out) {
  for (const Entry& entry : endpoint.named("headers")) {
    const std::string key = "headers." + entry.key;
    if (!entry.value || entry.value->kind != Node::Kind::scalar) {
      endpoint.error(key, entry.mark, "must have a single value");
      continue;
    }
    const std::string wrong = refuse_header(entry.key, entry.value->text);
    if (!wrong.empty()) {
      endpoint.error(key, entry.mark, wrong);
    } else {
      out.headers.emplace_back(entry.key, entry.value->text);
    }
  }
}

void read_url(Section& endpoint, Endpoint& out) {
  std::string text;
  std::string wrong;
  if (!endpoint.text("url", text)) {
    if (!endpoint.has("url")) endpoint.error("url", "is missing; write it like https://app.example.com/hooks");
    return;
  }
  const auto url = parse_url(text, wrong);
  if (!url) return endpoint.error("url", wrong);
  if (url->scheme != "https" && url->scheme != "http") {
    return endpoint.error("url", "\"" + url->scheme + "\" is not allowed; allowed: https:// or http://");
  }
  if (url->scheme == "http" && !url->loopback) endpoint.warn("url", "http:// sends webhooks unencrypted");
  out.url = text;
}

void read_events(Section& endpoint, Endpoint& out) {
  if (!endpoint.has("events")) {
    (void)endpoint.take("events");
    out.events = kDefaultEvents;
    return;
  }
  std::vector<std::string_view> words;
  for (unsigned i = 0; i <= static_cast<unsigned>(EventType::lost); ++i) {
    words.push_back(name(static_cast<EventType>(i)));
  }
  const auto list = endpoint.list("events", true);
  for (const auto& [word, mark] : list) {
    const auto type = parse_event_type(word);
    if (type && *type != EventType::test) {
      out.events |= mask_of(*type);
      continue;
    }
    const std::string meant = nearest(word, words);
    endpoint.error("events", mark,
                   "\"" + word + "\" is not an event" +
                       (meant.empty() ? "; allowed: " + one_of(words) : "; did you mean \"" + meant + "\"?"));
  }
  if (list.empty()) endpoint.error("events", "is empty; name at least one event, or leave the key out");
}

Endpoint read_endpoint(Section endpoint, const std::string& name, const std::filesystem::path& beside) {
  Endpoint out;
  out.name = name;
  read_url(endpoint, out);
  for (const auto& [file, mark] : endpoint.list("secret_file", true)) {
    if (file.empty()) endpoint.error("secret_file", mark, "must be a file's name");
    out.secret_files.push_back(file);
  }
  read_events(endpoint, out);
  if (const auto format = endpoint.choice("format", {"standard", "cloudevents", "notify-hook"})) {
    out.format = static_cast<BodyFormat>(*format);
  }
  if (out.secret_files.empty() && !endpoint.has("secret_file") && out.format != BodyFormat::notify_hook) {
    endpoint.error("secret_file", "is missing; webhooks are signed, only format: notify-hook goes without");
  } else if (out.secret_files.empty() && endpoint.has("secret_file")) {
    endpoint.error("secret_file", "is empty; name at least one file");
  }
  read_headers(endpoint, out);
  endpoint.duration("timeout", out.timeout, 100ms, 30s);
  read_file_name(endpoint, "ca_file", beside, out.ca_file);
  read_file_name(endpoint, "client_cert_file", beside, out.client_cert_file);
  read_proxy(endpoint, out.proxy);
  endpoint.whole("max_in_flight", out.limits.max_in_flight, 1, 512);
  endpoint.number("max_per_second", out.limits.max_per_second, 0, 100'000);
  endpoint.refuse_unknown();
  return out;
}

void read_ladder(Section& webhooks, Webhooks& out) {
  if (!webhooks.has("retry")) {
    (void)webhooks.take("retry");
    out.retry = default_ladder();
    return;
  }
  const auto steps = webhooks.list("retry");
  for (const auto& [text, mark] : steps) {
    std::string wrong;
    const auto step = parse_duration(text, wrong);
    if (!step) {
      webhooks.error("retry", mark, wrong);
    } else if (*step < 1ms || *step > std::chrono::days(30)) {
      webhooks.error("retry", mark, "\"" + text + "\" is out of range; allowed: 1ms to 30d");
    } else {
      out.retry.push_back(*step);
    }
  }
  if (steps.empty()) webhooks.error("retry", "must hold at least one wait, like [5s, 30s, 5m]");
  if (steps.size() > 100) webhooks.error("retry", "has more than 100 steps");
}

}  // namespace

void read_webhooks(Section webhooks, const std::filesystem::path& beside, Webhooks& out) {
  Section all = webhooks.sub("endpoints");
  std::vector<std::string> names;  // also of endpoints with mistakes: those are not unknown
  for (const Entry& entry : webhooks.named("endpoints")) {
    names.push_back(entry.key);
    if (!is_name(entry.key)) {
      all.error(entry.key, entry.mark,
                "is not a usable name; allowed: 1 to 64 of A-Z a-z 0-9 _ . - beginning with a letter or digit");
      continue;
    }
    out.endpoints.emplace(entry.key, read_endpoint(all.sub(entry.key), entry.key, beside));
  }
  for (const auto& [name, mark] : webhooks.list("default")) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      const std::string meant = nearest(name, names);
      webhooks.error("default", mark,
                     "\"" + name + "\" is not one of webhooks.endpoints" +
                         (meant.empty() ? std::string() : "; did you mean \"" + meant + "\"?"));
    } else if (std::find(out.default_list.begin(), out.default_list.end(), name) == out.default_list.end()) {
      out.default_list.push_back(name);
    }
  }
  read_ranges(webhooks, "allow", out.allow);
  read_ladder(webhooks, out);
  webhooks.refuse_unknown();
}

}  // namespace mjwatchd::config
