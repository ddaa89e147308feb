#include "daemon/control/receiver_wish.hpp"

#include <set>

#include "daemon/control/problem.hpp"
#include "daemon/webhooks/receiver.hpp"
#include "daemon/webhooks/signature.hpp"
#include "mjwatchd/names.hpp"

namespace mjwatchd::control {
namespace {

using Kind = Json::Kind;

constexpr std::size_t kLongestSecret = 256;  // far above the longest key there is, in base64

std::string in(const std::string& where, const std::string& key) { return where.empty() ? key : where + "." + key; }

std::optional<Refusal> read_url(const Json& value, const std::string& where, const Desk& desk, WebhookTarget& out) {
  if (!value.is(Kind::text)) return mistyped(where, "a URL", value);
  if (const auto why = desk.refuse_webhook_url(value.text)) return Refusal{where, *why};
  out.url = value.text;
  return std::nullopt;
}

std::optional<Refusal> read_format(const Json& value, const std::string& where, WebhookTarget& out) {
  const std::vector<std::string> formats{"standard", "cloudevents", "notify-hook"};
  if (!value.is(Kind::text)) return mistyped(where, listed(formats), value);
  const auto format = parse_body_format(value.text);
  if (!format) {
    return Refusal{where, in_quotes(value.text) + " is no format: use " + listed(formats) + meant(value.text, formats)};
  }
  out.format = *format;
  return std::nullopt;
}

// No message shows the secret.
std::optional<Refusal> read_secret(const Json* value, const std::string& where, WebhookTarget& out) {
  if (value == nullptr) {
    if (out.format == BodyFormat::notify_hook) return std::nullopt;
    return Refusal{where,
                   "is missing: a URL given with a task needs its own secret, \"whsec_\" and 24 to 64 random "
                   "bytes in base64 (only the format notify-hook is sent unsigned)"};
  }
  if (!value->is(Kind::text)) return mistyped(where, "a text that begins with whsec_ or whsk_", *value);
  if (value->text.size() > kLongestSecret) return Refusal{where, "is longer than 256 bytes"};
  std::string why;
  const auto key = webhooks::parse_signing_key(value->text, &why);
  if (!key) return Refusal{where, why};
  if (key->kind == webhooks::SigningKey::Kind::ed25519_public) {
    return Refusal{where, "is a public key, which cannot sign: give the private one (whsk_…)"};
  }
  out.secret = value->text;
  return std::nullopt;
}

/// The object as it came, but for the secret.
std::string kept(const Json& object, const WebhookTarget& target) {
  Json copy = object;
  for (std::size_t i = 0; i < copy.keys.size(); ++i) {
    if (copy.keys[i] == "secret") copy.values[i].text = "sha256:" + webhooks::sha256_hex(target.secret);
  }
  return canonical(copy);
}

Decoded<ReceiverWish> decode_url_receiver(const Json& value, const std::string& where, const Desk& desk) {
  if (auto wrong = refuse_keys(value, where, {"url", "secret", "events", "format"})) return *wrong;
  ReceiverWish wish;
  const auto* const url = value.find("url");
  if (url == nullptr) return Refusal{in(where, "url"), "is missing: a receiver is an endpoint's name or has a url"};
  if (auto wrong = read_url(*url, in(where, "url"), desk, wish.target)) return *wrong;
  if (const auto* const format = value.find("format")) {
    if (auto wrong = read_format(*format, in(where, "format"), wish.target)) return *wrong;
  }
  if (auto wrong = read_secret(value.find("secret"), in(where, "secret"), wish.target)) return *wrong;
  if (const auto* const events = value.find("events")) {
    auto mask = decode_events(*events, in(where, "events"));
    if (auto* wrong = std::get_if<Refusal>(&mask)) return *wrong;
    wish.target.events = std::get<EventMask>(mask);
  }
  wish.given = kept(value, wish.target);
  return wish;
}

Decoded<ReceiverWish> decode_named_receiver(const std::string& name, const std::string& where, const Desk& desk) {
  if (!desk.has_endpoint(name)) {
    std::vector<std::string> names;
    for (const auto& endpoint : desk.endpoints()) {
      if (endpoint.configured) names.push_back(endpoint.name);
    }
    if (name.find("://") != std::string::npos) {
      return Refusal{where, "a URL is given as an object: {\"url\":\"…\",\"secret\":\"whsec_…\"}"};
    }
    return Refusal{where, in_quotes(name) + " is no endpoint of the configuration (" +
                              (names.empty() ? "there is none" : "there is " + listed(names)) + ")" +
                              meant(name, names)};
  }
  ReceiverWish wish;
  wish.target.endpoint = name;
  Json text;
  text.kind = Kind::text;
  text.text = name;
  wish.given = canonical(text);
  return wish;
}

}  // namespace

Refusal mistyped(const std::string& where, const std::string& wanted, const Json& found) {
  return {where, "must be " + wanted + ", not " + std::string(found.described())};
}

std::optional<Refusal> refuse_keys(const Json& object, const std::string& where,
                                   const std::vector<std::string>& allowed) {
  const std::set<std::string_view> known(allowed.begin(), allowed.end());
  for (const auto& key : object.keys) {
    if (known.contains(key)) continue;
    return Refusal{where, in_quotes(key) + " is not a known key; allowed are " + listed(allowed) + meant(key, allowed)};
  }
  return std::nullopt;
}

const std::vector<std::string>& event_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (unsigned i = 0; i < static_cast<unsigned>(EventType::test); ++i) {
      all.emplace_back(name(static_cast<EventType>(i)));
    }
    return all;
  }();
  return names;
}

Decoded<EventMask> decode_events(const Json& value, const std::string& where) {
  if (!value.is(Kind::array)) return mistyped(where, "an array of event types, such as [\"task.succeeded\"]", value);
  if (value.values.empty()) return Refusal{where, "is empty; name at least one event, or leave the key out"};
  if (value.values.size() > 64) return Refusal{where, "names more than 64 events; there are fewer types"};
  EventMask mask = 0;
  for (std::size_t i = 0; i < value.values.size(); ++i) {
    const auto& one = value.values[i];
    const auto here = where + "[" + std::to_string(i) + "]";
    if (!one.is(Kind::text)) return mistyped(here, "an event type, such as \"task.succeeded\"", one);
    const auto type = parse_event_type(one.text);
    if (!type || *type == EventType::test) {
      return Refusal{here, in_quotes(one.text) + " is not an event of a task; there are " + listed(event_names()) +
                               meant(one.text, event_names())};
    }
    mask |= mask_of(*type);
  }
  return mask;
}

Decoded<ReceiverWish> decode_receiver_wish(const Json& value, const std::string& where, const Desk& desk) {
  if (value.is(Kind::text)) return decode_named_receiver(value.text, where, desk);
  if (value.is(Kind::object)) return decode_url_receiver(value, where, desk);
  return mistyped(where, "an endpoint's name or an object with a url", value);
}

Decoded<std::vector<ReceiverWish>> decode_receiver_wishes(const Json& value, const std::string& where,
                                                          const Desk& desk) {
  if (!value.is(Kind::array)) return mistyped(where, "an array of endpoint names and objects with a url", value);
  if (value.values.size() > kMostReceivers) {
    return Refusal{where, "has " + std::to_string(value.values.size()) + " receivers; a task may have " +
                              std::to_string(kMostReceivers)};
  }
  std::vector<ReceiverWish> wishes;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < value.values.size(); ++i) {
    const auto here = where + "[" + std::to_string(i) + "]";
    auto wish = decode_receiver_wish(value.values[i], here, desk);
    if (auto* wrong = std::get_if<Refusal>(&wish)) return *wrong;
    if (!seen.insert(webhooks::receiver_of(std::get<ReceiverWish>(wish).target).name).second) {
      return Refusal{here, "names a receiver that stands in the list already; each gets an event once"};
    }
    wishes.push_back(std::get<ReceiverWish>(std::move(wish)));
  }
  return wishes;
}

}  // namespace mjwatchd::control
