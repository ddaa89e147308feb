#include "daemon/control/registration.hpp"

#include <algorithm>
#include <charconv>

#include "daemon/config/values.hpp"
#include "daemon/control/problem.hpp"
#include "daemon/control/receiver_wish.hpp"
#include "mjwatchd/ascii.hpp"
#include "mjwatchd/names.hpp"

namespace mjwatchd::control {
namespace {

using Kind = Json::Kind;
using MaybeRefusal = std::optional<Refusal>;

constexpr std::size_t kLongestId = 128, kLongestAction = 64;
constexpr milliseconds kShortestWatch = std::chrono::seconds(1), kLongestWatch = std::chrono::days(366);

const std::vector<std::string> kKeys{"gateway",      "webhooks", "events", "action",
                                     "submitted_at", "metadata", "save",   "expire_after"};

bool all_of(std::string_view text, std::string_view extra) {
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_letter_or_digit(c) || extra.find(c) != std::string_view::npos; });
}

/// Reads the keys of one registration into it, and stops at the first that is wrong.
class Decoder {
 public:
  Decoder(const Json& body, std::string_view gateway, const Desk& desk)
      : body_(body), wanted_gateway_(gateway), desk_(desk) {}

  Decoded<Registration> decode(const std::vector<std::string>& more_keys) {
    if (!body_.is(Kind::object)) return mistyped("", "a JSON object such as {\"gateway\":\"…\"}", body_);
    auto allowed = more_keys;
    allowed.insert(allowed.end(), kKeys.begin(), kKeys.end());
    if (auto wrong = refuse_keys(body_, "", allowed)) return *wrong;
    for (const auto read : {&Decoder::gateway, &Decoder::webhooks, &Decoder::events, &Decoder::action,
                            &Decoder::submitted_at, &Decoder::metadata, &Decoder::save, &Decoder::expire_after}) {
      if (auto wrong = (this->*read)()) return *wrong;
    }
    return std::move(out_);
  }

 private:
  MaybeRefusal gateway();
  MaybeRefusal webhooks();
  MaybeRefusal events();
  MaybeRefusal action();
  MaybeRefusal submitted_at();
  MaybeRefusal metadata();
  MaybeRefusal save();
  MaybeRefusal expire_after();

  void keep(const std::string& key, const Json& value) { out_.given[key] = canonical(value); }

  const Json& body_;
  std::string_view wanted_gateway_;
  const Desk& desk_;
  Registration out_;
};

MaybeRefusal Decoder::gateway() {
  const auto* const value = body_.find("gateway");
  if (value != nullptr && !value->is(Kind::text)) return mistyped("gateway", "a gateway's name", *value);
  if (value != nullptr && !wanted_gateway_.empty() && value->text != wanted_gateway_) {
    return Refusal{"gateway",
                   in_quotes(value->text) + " differs from ?gateway=" + in_quotes(wanted_gateway_) + "; give it once"};
  }
  // The gateway is the key's half, so it is not among what is compared.
  auto& name = out_.key.gateway;
  name = value != nullptr ? value->text : wanted_gateway_.empty() ? desk_.default_gateway() : wanted_gateway_;
  if (desk_.has_gateway(name)) return std::nullopt;
  std::vector<std::string> names;
  for (const auto& one : desk_.gateways()) {
    if (desk_.has_gateway(one.view.name)) names.push_back(one.view.name);
  }
  return Refusal{"gateway", in_quotes(name) + " is no gateway of the configuration; there is " + listed(names) +
                                meant(name, names)};
}

MaybeRefusal Decoder::webhooks() {
  const auto* const value = body_.find("webhooks");
  if (value == nullptr) return std::nullopt;
  auto wishes = decode_receiver_wishes(*value, "webhooks", desk_);
  if (auto* wrong = std::get_if<Refusal>(&wishes)) return *wrong;
  auto& targets = out_.webhooks.emplace();
  std::string given = "[";
  for (auto& wish : std::get<std::vector<ReceiverWish>>(wishes)) {
    given += (targets.empty() ? "" : ",") + wish.given;
    targets.push_back(std::move(wish.target));
  }
  out_.given["webhooks"] = given + "]";
  return std::nullopt;
}

MaybeRefusal Decoder::events() {
  const auto* const value = body_.find("events");
  if (value == nullptr) return std::nullopt;
  auto mask = decode_events(*value, "events");
  if (auto* wrong = std::get_if<Refusal>(&mask)) return *wrong;
  out_.events = std::get<EventMask>(mask);
  keep("events", *value);
  return std::nullopt;
}

MaybeRefusal Decoder::action() {
  const auto* const value = body_.find("action");
  if (value == nullptr) return std::nullopt;
  if (!value->is(Kind::text)) return mistyped("action", "a word such as \"IMAGINE\"", *value);
  if (value->text.empty() || value->text.size() > kLongestAction || !all_of(value->text, "_-")) {
    return Refusal{"action", in_quotes(value->text) + " must be 1 to 64 of A-Z a-z 0-9 _ -, such as \"IMAGINE\""};
  }
  out_.action = value->text;
  for (char& c : out_.action) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;  // as gateways write it
  keep("action", *value);
  return std::nullopt;
}

MaybeRefusal Decoder::submitted_at() {
  const auto* const value = body_.find("submitted_at");
  if (value == nullptr) return std::nullopt;
  const std::string wanted = "milliseconds since 1970, such as 1712158011464";
  if (!value->is(Kind::number)) return mistyped("submitted_at", wanted, *value);
  const auto& text = value->text;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < 0) {
    return Refusal{"submitted_at", in_quotes(text) + " must be a whole number of " + wanted};
  }
  constexpr std::int64_t kEarliest = 100'000'000'000;  // 1973; as seconds it would be the year 5138
  if (number < kEarliest) {
    return Refusal{"submitted_at", text + " looks like seconds; it must be " + wanted};
  }
  const auto latest = desk_.wall() + std::chrono::days(1);  // clocks differ, but not by so much
  if (number > latest.time_since_epoch().count()) {
    return Refusal{"submitted_at", text + " lies more than a day in the future; it must be " + wanted};
  }
  out_.submitted_at = WallTime(milliseconds(number));
  keep("submitted_at", *value);
  return std::nullopt;
}

MaybeRefusal Decoder::metadata() {
  const auto* const value = body_.find("metadata");
  if (value == nullptr) return std::nullopt;
  auto text = canonical(*value);
  if (text.size() > kMostMetadata) {
    return Refusal{"metadata", "is " + std::to_string(text.size()) + " bytes of JSON; 16 KiB (16384) are allowed"};
  }
  out_.metadata = text;
  out_.given["metadata"] = std::move(text);
  return std::nullopt;
}

MaybeRefusal Decoder::save() {
  const auto* const value = body_.find("save");
  if (value == nullptr) return std::nullopt;
  const std::vector<std::string> modes{"image", "all", "video", "none"};
  if (!value->is(Kind::text)) return mistyped("save", listed(modes), *value);
  out_.save = parse_save_mode(value->text);
  if (!out_.save) {
    return Refusal{"save", in_quotes(value->text) + " must be " + listed(modes) + meant(value->text, modes)};
  }
  keep("save", *value);
  return std::nullopt;
}

MaybeRefusal Decoder::expire_after() {
  const auto* const value = body_.find("expire_after");
  if (value == nullptr) return std::nullopt;
  const std::string wanted = "a duration with its unit, such as \"24h\"";
  if (!value->is(Kind::text)) return mistyped("expire_after", wanted, *value);
  std::string wrong;
  const auto duration = config::parse_duration(value->text, wrong);
  if (!duration) {
    constexpr std::size_t kWorthQuoting = 40;
    return Refusal{"expire_after",
                   value->text.size() > kWorthQuoting ? in_quotes(value->text) + " must be " + wanted : wrong};
  }
  if (*duration < kShortestWatch || *duration > kLongestWatch) {
    return Refusal{"expire_after", in_quotes(value->text) + " must lie between 1s and 366d"};
  }
  out_.expire_after = *duration;
  keep("expire_after", *value);
  return std::nullopt;
}

Decoded<std::string> read_id(const Json& value, const std::string& where) {
  if (value.is(Kind::number)) {
    return Refusal{where, "must be a text: as a number it may lose digits on its way; write \"" +
                              value.text.substr(0, kLongestId) + "\""};
  }
  if (!value.is(Kind::text)) return mistyped(where, "a task's id as a text", value);
  return value.text;
}

}  // namespace

std::optional<std::string> refuse_id(std::string_view id) {
  const std::string rule = " (a task's id is 1 to 128 of A-Z a-z 0-9 _ . : - and neither . nor ..)";
  if (id.empty()) return "the id is empty" + rule;
  if (id.size() > kLongestId) return "the id is " + std::to_string(id.size()) + " bytes long" + rule;
  if (id == "." || id == ".." || !all_of(id, "_.:-")) return in_quotes(id) + " is no id" + rule;
  return std::nullopt;
}

Decoded<Registration> decode_registration(const Json& body, std::string_view id, std::string_view gateway,
                                          const Desk& desk) {
  if (auto why = refuse_id(id)) return Refusal{"id", *why};
  auto decoded = Decoder(body, gateway, desk).decode({"id"});
  if (auto* registration = std::get_if<Registration>(&decoded)) {
    registration->key.id = id;
    const auto* const repeated = body.find("id");
    if (repeated != nullptr && (!repeated->is(Kind::text) || repeated->text != id)) {
      return Refusal{"id", "differs from the path's, " + in_quotes(id) + "; leave it out"};
    }
  }
  return decoded;
}

Decoded<Registration> decode_line(const Json& line, std::string_view gateway, const Desk& desk) {
  if (!line.is(Kind::object)) return mistyped("", "a JSON object such as {\"id\":\"…\"}", line);
  const auto* const value = line.find("id");
  if (value == nullptr) {
    if (auto wrong = refuse_keys(line, "", [] {
          auto keys = kKeys;
          keys.insert(keys.begin(), "id");
          return keys;
        }())) {
      return *wrong;
    }
    return Refusal{"id", "is missing"};
  }
  auto id = read_id(*value, "id");
  if (auto* wrong = std::get_if<Refusal>(&id)) return *wrong;
  return decode_registration(line, std::get<std::string>(id), gateway, desk);
}

Decoded<ManyTasks> decode_many(const Json& body, std::string_view gateway, const Desk& desk) {
  auto common = Decoder(body, gateway, desk).decode({"ids"});
  if (auto* wrong = std::get_if<Refusal>(&common)) return *wrong;
  ManyTasks many{std::get<Registration>(std::move(common)), {}};
  const auto* const ids = body.find("ids");
  if (ids == nullptr) return Refusal{"ids", "is missing: the tasks to watch, such as {\"ids\":[\"1712158011464906\"]}"};
  if (!ids->is(Kind::array)) return mistyped("ids", "an array of task ids", *ids);
  many.ids.reserve(ids->values.size());
  for (std::size_t i = 0; i < ids->values.size(); ++i) {
    auto id = read_id(ids->values[i], "ids[" + std::to_string(i) + "]");
    if (auto* wrong = std::get_if<Refusal>(&id)) return *wrong;
    many.ids.push_back(std::get<std::string>(std::move(id)));
  }
  return many;
}

Decoded<WebhookTarget> decode_receiver(const Json& body, const Desk& desk) {
  const Json* value = &body;
  if (const auto* const name = body.find("name")) {
    if (auto wrong = refuse_keys(body, "", {"name"})) return *wrong;
    value = name;
  }
  auto wish = decode_receiver_wish(*value, value == &body ? "" : "name", desk);
  if (auto* wrong = std::get_if<Refusal>(&wish)) return *wrong;
  return std::get<ReceiverWish>(std::move(wish)).target;
}

}  // namespace mjwatchd::control
