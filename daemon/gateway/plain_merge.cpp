#include "daemon/gateway/plain_merge.hpp"

#include <simdjson.h>

#include <utility>
#include <vector>

#include "daemon/gateway/blank.hpp"
#include "daemon/gateway/json.hpp"
#include "daemon/gateway/merge.hpp"
#include "daemon/gateway/merge_rules.hpp"
#include "daemon/gateway/plain_json.hpp"
#include "daemon/gateway/task_fields.hpp"

namespace mjwatchd::gateway {
namespace {

namespace plain = simdjson::ondemand;

struct Member {
  std::string_view key, value;  ///< as sent, the key without its quotes
  plain::json_type type{};
};

Json word(const Member& member) {
  if (member.type == plain::json_type::number) return {Json::Kind::number, std::string(member.value), {}, {}};
  if (member.type != plain::json_type::string) return {};
  if (member.value.find('\\') != std::string_view::npos) throw NotPlain();
  return {Json::Kind::string, std::string(member.value.substr(1, member.value.size() - 2)), {}, {}};
}

/// As says_nothing() of the tree, which is asked for times.
bool nothing_said(const Member& member) {
  const std::string_view value = member.value;
  if (value.size() == 2) return value == "\"\"" || value == "[]" || value == "{}";
  if (value == "null") return true;
  const bool scalar = member.type == plain::json_type::number || member.type == plain::json_type::string;
  return scalar && is_time(member.key) && says_nothing(member.key, word(member));
}

/// The members of an object, in a copy without blanks that is seen to be whole. Keeps its memory.
class Members {
 public:
  const std::vector<Member>& read(std::string_view text) {
    list_.clear();
    copy(text);
    plain::document document = parser_.iterate(copy_.data(), size_, copy_.size());
    for (plain::field field : document.get_object()) {
      Member member;
      const auto key = plain_key(field);
      if (!key || list_.size() == kFewMembers) throw NotPlain();
      member.key = *key;
      plain::value value = field.value();
      member.type = value.type();
      member.value = text_of(value, member.type);
      list_.push_back(member);
    }
    return list_;
  }

 private:
  /// What only skips over a text does not see all that is wrong with it: another parser looks at it first.
  void copy(std::string_view text) {
    if (text.size() > kMostPlain) throw NotPlain();
    const std::size_t room = text.size() + simdjson::SIMDJSON_PADDING;
    if (sent_.size() < room) sent_.resize(2 * room);
    if (copy_.size() < room) copy_.resize(2 * room);
    text.copy(sent_.data(), text.size());
    if (!checker_.parse(sent_.data(), text.size(), false).is_object()) throw NotPlain();
    if (simdjson::minify(sent_.data(), text.size(), copy_.data(), size_) != simdjson::SUCCESS) throw NotPlain();
  }

  static std::string_view text_of(plain::value& value, plain::json_type type) {
    if (type == plain::json_type::object) {
      plain::object object = value.get_object();
      return object.raw_json();
    }
    if (type == plain::json_type::array) {
      plain::array array = value.get_array();
      return array.raw_json();
    }
    return trimmed(value.raw_json_token());
  }

  std::string sent_, copy_;
  std::size_t size_ = 0;
  simdjson::dom::parser checker_;
  plain::parser parser_;
  std::vector<Member> list_;
};

Status status_of(const std::vector<Member>& members) {
  for (std::size_t i = members.size(); i-- > 0;) {
    if (members[i].key != "status") continue;
    const Json one = word(members[i]);
    return read_status(&one);
  }
  return read_status(nullptr);
}

/// One member's value after the fresh one was heard. What becomes of two objects is kept in `made`.
std::string_view heard(const Member& stored, const Member& fresh, std::string& made) {
  if (nothing_said(fresh) && !nothing_said(stored)) return stored.value;
  const bool objects = stored.type == plain::json_type::object && fresh.type == plain::json_type::object;
  if (!objects || stored.value == fresh.value) return fresh.value;
  made = lay_over(stored.value, fresh.value);
  return made;
}

/// Writes members one behind the other.
class Object {
 public:
  explicit Object(std::size_t size) {
    text_.reserve(size);
    text_ += '{';
  }
  void add(std::string_view key, std::string_view value) {
    if (text_.size() > 1) text_ += ',';
    text_.append(1, '"').append(key).append("\":").append(value);
  }
  [[nodiscard]] std::string take() {
    text_ += '}';
    return std::move(text_);
  }

 private:
  std::string text_;
};

const Member* find(const std::vector<Member>& members, std::string_view key, std::size_t& hint) {
  const std::size_t count = members.size();
  for (std::size_t i = 0; i < count; ++i) {  // mostly they come in the order of the last time
    const std::size_t at = (hint + i) % count;
    if (members[at].key != key) continue;
    hint = at + 1;
    return &members[at];
  }
  return nullptr;
}

bool told_twice(const std::vector<Member>& members) {
  for (std::size_t i = 1; i < members.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (members[i].key == members[j].key) return true;
    }
  }
  return false;
}

std::string lay(const std::vector<Member>& stored, const std::vector<Member>& fresh, std::size_t size) {
  if (told_twice(fresh) || told_twice(stored)) throw NotPlain();
  const bool previews = status_of(fresh) == Status::success && under_way(status_of(stored));
  Object object(size);
  std::string made;
  std::size_t hint = 0;
  for (const Member& one : stored) {
    if (previews && holds_links(one.key)) continue;
    const Member* const news = find(fresh, one.key, hint);
    object.add(one.key, news == nullptr ? one.value : heard(one, *news, made));
  }
  hint = 0;
  for (const Member& one : fresh) {
    const Member* const known = find(stored, one.key, hint);
    if (known == nullptr || (previews && holds_links(one.key))) object.add(one.key, one.value);
  }
  return object.take();
}

}  // namespace

std::optional<std::string> merge_plainly(std::string_view stored, std::string_view fresh) {
  static thread_local Members of_stored, of_fresh;  // which keep their buffers
  static const std::vector<Member> nothing;
  try {
    const auto& known = stored.empty() ? nothing : of_stored.read(stored);
    return lay(known, of_fresh.read(fresh), stored.size() + fresh.size() + 2);
  } catch (const simdjson::simdjson_error&) {
    return std::nullopt;
  } catch (const NotPlain&) {
    return std::nullopt;
  }
}

}  // namespace mjwatchd::gateway
