#include "daemon/gateway/snapshot.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "daemon/gateway/task_fields.hpp"

namespace mjwatchd::gateway {
namespace {

constexpr std::array<std::string_view, 19> kTaskFields{
    "action",      "prompt",     "promptEn",    "prompt_en", "progress",  "failReason", "fail_reason",
    "submitTime",  "startTime",  "finishTime",  "imageUrl",  "imageUrls", "buttons",    "properties",
    "submit_time", "start_time", "finish_time", "image_url", "image_urls"};

/// Links: while a task runs they lead to previews, each look to another.
bool is_link(std::string_view key) {
  static constexpr std::array<std::string_view, 8> kBegins{"imageUrl", "image_url", "imageRawUrl", "image_raw_url",
                                                           "images",   "videoUrl",  "video_url",   "thumbnail"};
  return std::any_of(kBegins.begin(), kBegins.end(), [key](auto begin) { return key.starts_with(begin); });
}

/// What tells when it was asked, or repeats other fields in words.
bool is_chatter(std::string_view key) {
  static constexpr std::array<std::string_view, 8> kNames{"displays",   "updateTime", "update_time", "updatedAt",
                                                          "updated_at", "timestamp",  "serverTime",  "server_time"};
  return std::find(kNames.begin(), kNames.end(), key) != kNames.end();
}

/// FNV-1a with a finish that spreads its bits, so that members can be summed in any order.
class Hash {
 public:
  Hash& add(std::string_view text) {
    for (const char c : text) step(static_cast<unsigned char>(c));
    step(0xFF);  // no UTF-8 text holds it: ends do not blur
    return *this;
  }
  Hash& add(std::uint64_t number) {
    for (int i = 0; i < 8; ++i, number >>= 8U) step(static_cast<unsigned char>(number));
    return *this;
  }
  [[nodiscard]] std::uint64_t value() const {
    std::uint64_t h = state_;
    h = (h ^ (h >> 33U)) * 0xFF51AFD7ED558CCDULL;
    h = (h ^ (h >> 33U)) * 0xC4CEB9FE1A85EC53ULL;
    return h ^ (h >> 33U);
  }

 private:
  void step(unsigned char byte) { state_ = (state_ ^ byte) * 0x100000001B3ULL; }
  std::uint64_t state_ = 0xCBF29CE484222325ULL;
};

std::uint64_t hash_of(const Json& value) {
  Hash hash;
  hash.add(static_cast<std::uint64_t>(value.kind)).add(value.text);
  std::uint64_t members = 0;
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    if (value.is(Json::Kind::array)) {
      hash.add(hash_of(value.items[i]));
    } else if (!says_nothing(value.keys[i], value.items[i])) {
      members += Hash().add(value.keys[i]).add(hash_of(value.items[i])).value();
    }
  }
  return hash.add(members).value();
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
  snapshot.json = std::make_shared<const std::string>(write_json(task));
  return snapshot;
}

std::uint64_t digest_of(const Json& task, Status status) {
  std::uint64_t members = 0;
  for (std::size_t i = 0; i < task.items.size() && i < task.keys.size(); ++i) {
    const std::string& key = task.keys[i];
    if (says_nothing(key, task.items[i]) || is_chatter(key)) continue;
    if (is_link(key) && !is_final(status)) continue;
    members += Hash().add(key).add(hash_of(task.items[i])).value();
  }
  const std::uint64_t digest = Hash().add(members).value();
  return digest == 0 ? 1 : digest;
}

}  // namespace mjwatchd::gateway
