#include "daemon/gateway/snapshot.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "daemon/gateway/digest.hpp"
#include "daemon/gateway/task_fields.hpp"

namespace mjwatchd::gateway {
namespace {

constexpr std::array<std::string_view, 19> kTaskFields{
    "action",      "prompt",     "promptEn",    "prompt_en", "progress",  "failReason", "fail_reason",
    "submitTime",  "startTime",  "finishTime",  "imageUrl",  "imageUrls", "buttons",    "properties",
    "submit_time", "start_time", "finish_time", "image_url", "image_urls"};

std::uint64_t hash_of(const Json& value) {
  const auto kind = static_cast<std::uint64_t>(value.kind);
  if (value.is(Json::Kind::array)) {
    std::uint64_t hash = kind;
    for (const Json& item : value.items) hash = hash_of_number(hash_of(item), hash);
    return hash;
  }
  if (!value.is(Json::Kind::object)) return hash_of_text(value.text, kind);
  std::uint64_t members = 0;
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    if (!says_nothing(value.keys[i], value.items[i])) members += member_hash(value.keys[i], hash_of(value.items[i]));
  }
  return hash_of_number(members, kind);
}

}  // namespace

std::vector<std::string> ids_of(const Json& value) {
  std::vector<std::string> ids;
  for (const auto name : {"id", "taskId", "task_id", "mjId", "mj_id"}) {
    if (std::string id = read_word(value.find(name)); !id.empty()) ids.push_back(std::move(id));
  }
  return ids;
}

bool is_task(const Json& value, bool without_id) {
  if (!value.is(Json::Kind::object)) return false;
  const auto fields = std::count_if(kTaskFields.begin(), kTaskFields.end(),
                                    [&value](auto name) { return value.find(name) != nullptr; });
  const bool status = value.find("status") != nullptr;
  if (!ids_of(value).empty()) return status || fields > 0;
  return without_id && status && fields >= 2;
}

Snapshot make_snapshot(const Json& task, std::string id) {
  Snapshot snapshot;
  snapshot.id = std::move(id);
  snapshot.status = read_status(task.find("status"));
  snapshot.action = read_word(task.find("action"));
  snapshot.progress = read_progress(task.find("progress"));
  snapshot.submitted = read_time(task.find({"submitTime", "submit_time"}));
  snapshot.started = read_time(task.find({"startTime", "start_time"}));
  snapshot.finished = read_time(task.find({"finishTime", "finish_time"}));
  snapshot.digest = digest_of(task, snapshot.status);
  snapshot.json = SharedText(write_json(task));
  return snapshot;
}

std::uint64_t digest_of(const Json& task, Status status) {
  std::uint64_t members = 0;
  for (std::size_t i = 0; i < task.items.size() && i < task.keys.size(); ++i) {
    const std::string& key = task.keys[i];
    if (says_nothing(key, task.items[i]) || !counts_as_change(key, status)) continue;
    members += member_hash(key, hash_of(task.items[i]));
  }
  return digest_of_members(members);
}

}  // namespace mjwatchd::gateway
