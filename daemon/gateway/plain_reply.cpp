#include "daemon/gateway/plain_reply.hpp"

#include <simdjson.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>

#include "daemon/gateway/blank.hpp"
#include "daemon/gateway/digest.hpp"
#include "daemon/gateway/json.hpp"
#include "daemon/gateway/plain_json.hpp"
#include "daemon/gateway/task_fields.hpp"
#include "mjwatchd/ascii.hpp"

namespace mjwatchd::gateway {
namespace {

namespace plain = simdjson::ondemand;

constexpr int kDeepest = 60;

/// Most keys and strings have nothing escaped in them: those are looked at where they are, not copied.
std::string_view key_of(plain::field& field) {
  if (const auto key = plain_key(field)) return *key;
  return field.unescaped_key();
}

template <typename Value>
std::string_view string_of(Value& value) {
  std::string_view token = trimmed(value.raw_json_token());  // which has the blanks behind it, too
  if (token.size() < 2 || token.back() != '"' || token.find('\\') != std::string_view::npos) return value.get_string();
  token.remove_prefix(1);
  token.remove_suffix(1);
  return token;
}

/// The characters of a number as they were sent: the parser looked at the first of them only.
std::string_view number_text(std::string_view token) {
  token = trimmed(token);
  std::string_view rest = token;
  const auto digits = [&rest] {
    if (rest.empty() || !is_digit(rest.front())) throw NotPlain();
    while (!rest.empty() && is_digit(rest.front())) rest.remove_prefix(1);
  };
  if (rest.starts_with('-')) rest.remove_prefix(1);
  const bool zero = rest.starts_with('0');
  const std::size_t before = rest.size();
  digits();
  if (zero && before - rest.size() > 1) throw NotPlain();
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    digits();
  }
  if (rest.starts_with('e') || rest.starts_with('E')) {
    rest.remove_prefix(1);
    if (rest.starts_with('+') || rest.starts_with('-')) rest.remove_prefix(1);
    digits();
  }
  if (!rest.empty()) throw NotPlain();
  return token;
}

/// What the tree's hash_of() and says_nothing() would find of a value.
struct Weighed {
  std::uint64_t hash = 0;
  bool empty = false;
  Json::Kind kind = Json::Kind::null;
  std::string_view text;  ///< string: decoded, number: as sent; good while the parser is
};

/// A time of 0 says nothing either; the tree's own rule is asked, for the few members that it is about.
bool nothing_said(std::string_view key, const Weighed& value) {
  if (value.empty) return true;
  if (!is_time(key)) return false;
  return says_nothing(key, Json{value.kind, std::string(value.text), {}, {}});
}

constexpr std::uint64_t seed_of(Json::Kind kind) { return static_cast<std::uint64_t>(kind); }

template <typename Value>
Weighed weigh(Value& value, int depth);

Weighed weigh_object(plain::object object, int depth) {
  Weighed weighed{0, true, Json::Kind::object, {}};
  std::uint64_t members = 0;
  for (plain::field field : object) {
    const std::string_view key = key_of(field);
    plain::value member = field.value();
    const Weighed inner = weigh(member, depth + 1);
    weighed.empty = false;
    if (!nothing_said(key, inner)) members += member_hash(key, inner.hash);
  }
  weighed.hash = hash_of_number(members, seed_of(weighed.kind));
  return weighed;
}

Weighed weigh_array(plain::array array, int depth) {
  Weighed weighed{0, true, Json::Kind::array, {}};
  weighed.hash = seed_of(weighed.kind);
  for (auto item : array) {
    plain::value inner = item.value();
    weighed.hash = hash_of_number(weigh(inner, depth + 1).hash, weighed.hash);
    weighed.empty = false;
  }
  return weighed;
}

template <typename Value>
Weighed weigh(Value& value, int depth) {
  if (depth > kDeepest) throw NotPlain();
  Weighed weighed;
  switch (value.type()) {
    case plain::json_type::object:
      return weigh_object(value.get_object(), depth);
    case plain::json_type::array:
      return weigh_array(value.get_array(), depth);
    case plain::json_type::string:
      weighed.kind = Json::Kind::string;
      weighed.text = string_of(value);
      weighed.empty = weighed.text.empty();
      break;
    case plain::json_type::number: {
      weighed.kind = Json::Kind::number;
      weighed.text = number_text(value.raw_json_token());
      // A short whole number is one; whether another is too large for one is left to the parser.
      const bool whole = weighed.text.size() < 19 && weighed.text.find_first_of(".eE") == std::string_view::npos;
      if (!whole && value.get_double().error() != simdjson::SUCCESS) throw NotPlain();
      break;
    }
    case plain::json_type::boolean:
      weighed.kind = Json::Kind::boolean;
      weighed.text = value.get_bool() ? "true" : "false";
      break;
    case plain::json_type::null:
      if (!value.is_null()) throw NotPlain();
      weighed.empty = true;
      break;
  }
  weighed.hash = hash_of_text(weighed.text, seed_of(weighed.kind));
  return weighed;
}

Json word(const Weighed& value) {
  const bool told = value.kind == Json::Kind::string || value.kind == Json::Kind::number;
  return {value.kind, told ? std::string(value.text) : std::string(), {}, {}};
}

/// One task's object; what counts for its digest is known only with its status, which may come late.
class Reading {
 public:
  Snapshot read(plain::object object) {
    members_.clear();
    links_.clear();
    Snapshot snapshot;
    bool has_status = false;
    for (plain::field field : object) {
      const std::string_view key = key_of(field);
      plain::value member = field.value();
      const Weighed value = weigh(member, 1);
      has_status = take(key, value, snapshot) || has_status;
      if (nothing_said(key, value)) continue;
      if (counts_as_change(key, Status::in_progress)) {
        members_.push_back(member_hash(key, value.hash));
      } else if (counts_as_change(key, Status::success)) {
        links_.push_back(member_hash(key, value.hash));
      }
    }
    if (!has_status || snapshot.id.empty()) throw NotPlain();
    std::uint64_t sum = 0;
    for (const std::uint64_t one : members_) sum += one;
    for (const std::uint64_t one : links_) sum += is_final(snapshot.status) ? one : 0;
    snapshot.digest = digest_of_members(sum);
    return snapshot;
  }

 private:
  /// True for the status.
  static bool take(std::string_view key, const Weighed& value, Snapshot& snapshot) {
    // Other spellings of what is read here have rules of their own.
    if (key == "submit_time" || key == "start_time" || key == "finish_time") throw NotPlain();
    if (key == "id") {
      if (!snapshot.id.empty()) throw NotPlain();
      if (value.kind == Json::Kind::string || value.kind == Json::Kind::number) snapshot.id = value.text;
      return false;
    }
    if (key != "status" && key != "action" && key != "progress" && !is_time(key)) return false;
    const Json one = word(value);
    if (key == "action") snapshot.action = read_word(&one);
    if (key == "progress") snapshot.progress = read_progress(&one);
    if (key == "submitTime") snapshot.submitted = read_time(&one);
    if (key == "startTime") snapshot.started = read_time(&one);
    if (key == "finishTime") snapshot.finished = read_time(&one);
    if (key != "status") return false;
    snapshot.status = read_status(&one);
    return true;
  }

  std::vector<std::uint64_t> members_, links_;
};

std::vector<Snapshot> read(std::string_view body, const std::vector<std::string>& asked) {
  static thread_local plain::parser parser;            // its buffers are as large as the largest reply; made once
  const auto whole = std::make_shared<std::string>();  // and the tasks are parts of it
  whole->reserve(body.size() + simdjson::SIMDJSON_PADDING);
  whole->assign(body);
  whole->append(simdjson::SIMDJSON_PADDING, '\0');  // it looks at what follows, and drops what it saw
  whole->resize(body.size());
  plain::document document = parser.iterate(whole->data(), whole->size(), whole->capacity());
  std::vector<std::string_view> known(asked.begin(), asked.end());
  std::sort(known.begin(), known.end());
  std::vector<bool> seen(known.size());
  std::vector<Snapshot> tasks;
  tasks.reserve(asked.size());
  Reading reading;
  for (auto item : document.get_array()) {
    plain::object object = item.get_object();
    Snapshot snapshot = reading.read(object);
    const auto place = std::lower_bound(known.begin(), known.end(), std::string_view(snapshot.id));
    if (place == known.end() || *place != snapshot.id) throw NotPlain();
    const auto found = seen.begin() + (place - known.begin());
    if (*found) throw NotPlain();
    *found = true;
    object.reset();
    const std::string_view sent = object.raw_json();
    if (sent.size() > kMostPlain) throw NotPlain();
    snapshot.json = SharedText(whole, sent);
    tasks.push_back(std::move(snapshot));
  }
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) throw NotPlain();  // more behind it
  return tasks;
}

}  // namespace

std::optional<std::vector<Snapshot>> read_plain_reply(std::string_view body, const std::vector<std::string>& asked) {
  try {
    return read(body, asked);
  } catch (const simdjson::simdjson_error&) {
    return std::nullopt;
  } catch (const NotPlain&) {
    return std::nullopt;
  }
}

}  // namespace mjwatchd::gateway
