#include "daemon/gateway/envelope.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "daemon/gateway/snapshot.hpp"
#include "daemon/gateway/task_fields.hpp"
#include "daemon/gateway/words.hpp"
#include "mjwatchd/ascii.hpp"

namespace mjwatchd::gateway {
namespace {

constexpr int kMostWrappers = 5;

/// "true" or "false" of a boolean or its word; empty for anything else.
std::string truth(const Json* value) {
  if (value == nullptr) return {};
  std::string word = lower(value->text);
  return is_one_of(word, {"true", "false"}) ? word : std::string();
}

bool names_an_error(const Json* status) {
  const std::string word = lower(read_word(status));
  int number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error == std::errc() && end == word.data() + word.size()) return number >= 400;
  return is_one_of(word, {"error", "fail", "failed", "failure"});
}

enum class Says : std::uint8_t { nothing, well, error };

/// What a wrapper says of the whole exchange.
Says verdict_of(const Json& wrapper) {
  const std::string success = truth(wrapper.find("success"));
  if (success == "false") return Says::error;
  const Json* error = wrapper.find("error");
  const bool has_error = error != nullptr && !error->empty() && truth(error) != "false" && read_word(error) != "0";
  if (has_error || names_an_error(wrapper.find("status"))) return Says::error;
  if (success == "true") return Says::well;
  const std::string code = lower(read_word(wrapper.find("code")));
  if (code.empty()) return Says::nothing;
  return is_one_of(code, {"0", "1", "200", "ok", "success"}) ? Says::well : Says::error;
}

bool is_asked(const Json& value, const std::vector<std::string>& asked) {
  if (!is_task(value)) return false;
  for (const std::string& id : ids_of(value)) {
    if (std::find(asked.begin(), asked.end(), id) != asked.end()) return true;
  }
  return false;
}

Opened items_of(const Json& array) {
  Opened opened;
  opened.kind = Opened::Kind::items;
  opened.items.reserve(array.items.size());
  for (const Json& item : array.items) opened.items.push_back({&item, {}});
  return opened;
}

Opened single(const Json& task) {
  Opened opened;
  opened.kind = Opened::Kind::items;
  opened.items.push_back({&task, {}});
  return opened;
}

/// {"id1":{…},"id2":{…}}
std::optional<Opened> map_of_tasks(const Json& object) {
  Opened opened;
  opened.kind = Opened::Kind::items;
  for (std::size_t i = 0; i < object.items.size(); ++i) {
    const Json& item = object.items[i];
    if (!is_task(item) && !is_task(item, true)) return std::nullopt;
    opened.items.push_back({&item, object.keys[i]});
  }
  if (opened.items.empty()) return std::nullopt;
  return opened;
}

Opened failed(Opened::Kind kind, const Json& object) {
  Opened opened;
  opened.kind = kind;
  opened.code = read_word(object.find("code"));
  opened.detail = complaint(object);
  return opened;
}

const Json* inside(const Json& wrapper) {
  return wrapper.find({"data", "result", "results", "tasks", "task", "list", "items", "records", "rows", "content"});
}

}  // namespace

Opened open_reply(const Json& reply, const std::vector<std::string>& asked) {
  const Json* value = &reply;
  Says said = Says::nothing;
  for (int wrappers = 0; wrappers <= kMostWrappers; ++wrappers) {
    if (value->is(Json::Kind::array)) return items_of(*value);
    if (value->is(Json::Kind::null) && (wrappers == 0 || said == Says::well)) return {Opened::Kind::none, {}, {}, {}};
    if (!value->is(Json::Kind::object)) break;
    if (is_asked(*value, asked)) return single(*value);
    const Json* inner = inside(*value);
    const bool holds = inner != nullptr && (inner->is(Json::Kind::array) || inner->is(Json::Kind::object));
    const bool bare = is_task(*value) || is_task(*value, true);
    if (bare && !(holds && !inner->empty())) return single(*value);
    const Says now = verdict_of(*value);
    if (now == Says::error) return failed(Opened::Kind::error, *value);
    if (now == Says::well) said = now;
    if (inner == nullptr) {
      if (auto map = map_of_tasks(*value)) return *map;
      return failed(Opened::Kind::other, *value);
    }
    value = inner;
  }
  return failed(Opened::Kind::other, reply);
}

std::string complaint(const Json& object) {
  const Json* words = object.find({"description", "message", "msg", "error", "detail", "failReason", "title"});
  if (words != nullptr && words->is(Json::Kind::object)) {
    if (std::string inner = complaint(*words); !inner.empty()) return inner;
    words = nullptr;
  }
  const std::string code = read_word(object.find("code"));
  std::string text = read_word(words);
  if (code.empty()) return text;
  return text.empty() ? "code " + code : "code " + code + ": " + text;
}

}  // namespace mjwatchd::gateway
