#include "daemon/gateway/merge.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "daemon/gateway/json.hpp"
#include "daemon/gateway/merge_rules.hpp"
#include "daemon/gateway/plain_merge.hpp"
#include "daemon/gateway/task_fields.hpp"

namespace mjwatchd::gateway {
namespace {

void lay_over(Json& stored, Json fresh);

/// The value of one member after the fresh one was heard.
void take(std::string_view key, Json& stored, Json fresh) {
  if (says_nothing(key, fresh) && !says_nothing(key, stored)) return;
  if (stored.is(Json::Kind::object) && fresh.is(Json::Kind::object)) return lay_over(stored, std::move(fresh));
  stored = std::move(fresh);
}

/// Where the members of an object are: a few are looked through, very many are kept in a table.
class Places {
 public:
  Places(const std::vector<std::string>& keys, std::size_t more)
      : keys_(keys), few_(keys.size() + more <= kFewMembers) {
    for (std::size_t i = 0; i < keys.size() && !few_; ++i) table_[keys[i]] = i;
  }
  [[nodiscard]] std::optional<std::size_t> find(const std::string& key) const {
    if (few_) {
      for (std::size_t i = keys_.size(); i-- > 0;) {  // of doubles the last counts
        if (keys_[i] == key) return i;
      }
      return std::nullopt;
    }
    const auto found = table_.find(key);
    return found == table_.end() ? std::nullopt : std::optional(found->second);
  }
  /// One more, at the end.
  void added() {
    if (!few_) table_[keys_.back()] = keys_.size() - 1;
  }

 private:
  const std::vector<std::string>& keys_;
  bool few_;
  std::unordered_map<std::string, std::size_t> table_;
};

void lay_over(Json& stored, Json fresh) {
  Places places(stored.keys, fresh.keys.size());
  for (std::size_t i = 0; i < fresh.items.size(); ++i) {
    if (const auto at = places.find(fresh.keys[i])) {
      take(fresh.keys[i], stored.items[*at], std::move(fresh.items[i]));
      continue;
    }
    stored.keys.push_back(std::move(fresh.keys[i]));
    stored.items.push_back(std::move(fresh.items[i]));
    places.added();
  }
}

/// Picture links of a task under way lead to previews: they say nothing of the picture it ends with.
void drop_previews(Json& task) {
  for (std::size_t i = task.keys.size(); i-- > 0;) {
    if (!holds_links(task.keys[i])) continue;
    task.keys.erase(task.keys.begin() + static_cast<std::ptrdiff_t>(i));
    task.items.erase(task.items.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

std::optional<Json> object(std::string_view text) {
  auto value = parse_json(text);
  if (value && !value->is(Json::Kind::object)) value.reset();
  return value;
}

}  // namespace

std::string lay_over(std::string_view stored, std::string_view fresh) {
  auto known = object(stored);
  auto news = object(fresh);
  if (!news) return std::string(stored);
  if (!known) return std::string(fresh);
  lay_over(*known, std::move(*news));
  return write_json(*known);
}

std::string merge_objects(std::string_view stored, std::string_view fresh) {
  if (auto merged = merge_plainly(stored, fresh)) return *std::move(merged);
  return merge_trees(stored, fresh);
}

std::string merge_trees(std::string_view stored, std::string_view fresh) {
  auto known = object(stored);
  auto news = object(fresh);
  if (!known && !news) return {};
  if (!known) known.emplace().kind = Json::Kind::object;
  const bool succeeds = news && read_status(news->find("status")) == Status::success;
  if (succeeds && under_way(read_status(known->find("status")))) drop_previews(*known);
  if (news) lay_over(*known, std::move(*news));
  return write_json(*known);
}

}  // namespace mjwatchd::gateway
