// Registering a task, and forgetting it.
#include <algorithm>

#include "daemon/store/receiver_row.hpp"
#include "daemon/store/stored_json.hpp"
#include "daemon/store/transaction.hpp"

namespace mjwatchd::store {
namespace {

constexpr std::size_t kShownValue = 100;
constexpr milliseconds kLongestTerm = std::chrono::hours(24 * 366 * 100);  ///< keeps times countable

/// The first key that was asked for differently than it stands, said for people; nothing if none.
std::optional<std::string> difference(const std::map<std::string, std::string>& stored,
                                      const std::map<std::string, std::string>& given) {
  for (const auto& [key, value] : given) {
    const auto found = stored.find(key);
    if (found != stored.end() && found->second == value) continue;
    if (found == stored.end()) return key + ": was not given when the task was registered";
    // A receiver may hold what not everybody should read; long values help nobody.
    const bool shown = key != "webhooks" && value.size() <= kShownValue && found->second.size() <= kShownValue;
    if (!shown) return key + ": differs from what the task was registered with";
    std::string text = key + ": the task was registered with ";
    text.append(found->second).append(", not ").append(value);
    return text;
  }
  return std::nullopt;
}

TaskRow new_row(const Transaction& in, const change::Register& change) {
  const Registration& wish = change.registration;
  TaskRow row;
  row.record.key = wish.key;
  row.record.action = wish.action;
  row.record.save = wish.save.value_or(in.rules.save);
  row.record.seed = in.rules.seed;
  row.record.registered_at = change.at;
  const milliseconds term = wish.expire_after.value_or(in.rules.expire_after);
  row.record.expire_at = change.at + std::clamp(term, milliseconds(0), kLongestTerm);
  row.record.changed_at = change.at;
  row.record.submitted_at = wish.submitted_at;
  row.events = wish.events;
  row.listed = wish.webhooks.has_value();
  return row;
}

}  // namespace

CommitResult apply(Transaction& in, const change::Register& change) {
  const Registration& wish = change.registration;
  CommitResult result;
  if (const auto there = in.tables.find_task(wish.key)) {
    const auto differs = difference(decode_given(in.tables.load_texts(there->no).given), wish.given);
    result.code = differs ? CommitResult::Code::conflict : CommitResult::Code::existing;
    result.detail = differs.value_or("");
    result.task = there->record;
    return result;
  }
  if (in.no_room) {
    return only(CommitResult::Code::full,
                "the store has reached watch.store_max_size and all its tasks are live: raise it, or wait");
  }
  TaskRow row = new_row(in, change);
  TaskTexts texts;
  texts.given = encode_given(wish.given);
  texts.metadata = wish.metadata;
  in.tables.insert_task(row, texts);
  for (const WebhookTarget& target : wish.webhooks.value_or(std::vector<WebhookTarget>{})) {
    static_cast<void>(insert_target(in, row, target, change.at));  // one named twice is one receiver
  }
  result.code = CommitResult::Code::done;
  result.task = row.record;
  return result;
}

CommitResult apply(Transaction& in, const change::Forget& change) {
  const auto task = in.tables.find_task(change.key);
  if (!task) return only(CommitResult::Code::missing);
  in.tables.remove_task(task->no);
  return only(CommitResult::Code::done);
}

}  // namespace mjwatchd::store
