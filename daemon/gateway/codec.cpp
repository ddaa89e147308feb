#include "daemon/gateway/codec.hpp"

#include <algorithm>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "daemon/gateway/blank.hpp"
#include "daemon/gateway/denial.hpp"
#include "daemon/gateway/envelope.hpp"
#include "daemon/gateway/one_line.hpp"
#include "daemon/gateway/plain_reply.hpp"
#include "daemon/gateway/snapshot.hpp"
#include "daemon/gateway/task_fields.hpp"

namespace mjwatchd::gateway {
namespace {

using Verdict = FetchReply::Verdict;

constexpr std::size_t kMostObject = 1U << 20;  // bytes; the largest seen in the wild had 16 KiB

Decoded nonsense(std::string detail) { return {Verdict::nonsense, {}, one_line(detail)}; }

/// Final before running, then the later stage, then the greater progress.
auto advance(const Snapshot& snapshot) {
  const bool known = snapshot.status != Status::unknown;
  const int stage = is_final(snapshot.status) ? 10 : known ? static_cast<int>(snapshot.status) : 0;
  return std::tuple(stage, snapshot.progress.value_or(0));
}

/// Takes tasks, each under the id it was asked for by.
class Gathering {
 public:
  explicit Gathering(const std::vector<std::string>& asked) : asked_(asked) {
    for (const std::string& id : asked) places_.emplace(id, kNowhere);
  }

  void add(const Opened::Item& item, bool alone) {
    const auto id = id_of(item, alone);
    if (!id) return;
    Snapshot snapshot = make_snapshot(*item.value, *id);
    if (snapshot.json->size() > kMostObject) {
      strange_ = "the object of task " + *id + " is larger than 1 MiB";
      ++strangers_;
      return;
    }
    std::size_t& place = places_[*id];
    if (place == kNowhere) {
      place = tasks_.size();
      tasks_.push_back(std::move(snapshot));
    } else if (advance(snapshot) >= advance(tasks_[place])) {
      tasks_[place] = std::move(snapshot);
    }
  }

  Decoded result() {
    const bool nothing = tasks_.empty() && strangers_ > 0;
    std::string detail = strange_;
    if (strangers_ > 1) detail += " (and " + std::to_string(strangers_ - 1) + " more such)";
    return {nothing ? Verdict::nonsense : Verdict::answered, std::move(tasks_), one_line(detail)};
  }

  /// An id that was told of although it was not asked for; empty for none.
  [[nodiscard]] const std::string& foreign() const { return foreign_; }

 private:
  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

  /// Nothing for what is no task, or none of ours.
  std::optional<std::string> id_of(const Opened::Item& item, bool alone) {
    const auto ids = ids_of(*item.value);
    if (is_task(*item.value)) {
      for (const std::string& id : ids) {
        if (places_.contains(id)) return id;
      }
      foreign_ = ids.front();
      return std::nullopt;
    }
    if (ids.empty() && is_task(*item.value, true)) {
      if (places_.contains(item.name)) return item.name;
      // Only one was asked for, and one is told of: some lists leave out the id.
      if (alone && asked_.size() == 1 && item.name.empty()) return asked_.front();
    }
    ++strangers_;
    strange_ = "a list with something in it that is no task";
    return std::nullopt;
  }

  const std::vector<std::string>& asked_;
  std::unordered_map<std::string, std::size_t> places_;
  std::vector<Snapshot> tasks_;
  std::size_t strangers_ = 0;
  std::string strange_, foreign_;
};

Decoded refused(const Opened& opened) {
  const Verdict verdict = opened.code == "401" || opened.code == "403" ? Verdict::refused
                          : opened.code == "429"                       ? Verdict::throttled
                                                                       : Verdict::nonsense;
  return {verdict, {}, one_line("an error object: " + (opened.detail.empty() ? "without a word" : opened.detail))};
}

std::optional<Json> parse(std::string_view body, Decoded& failed) {
  std::string error;
  auto json = parse_json(body, &error);
  if (!json) failed = nonsense("the body " + error + " It holds " + describe_body(body));
  return json;
}

Decoded read_items(const Opened& opened, Gathering& gathering) {
  for (const Opened::Item& item : opened.items) gathering.add(item, opened.items.size() == 1);
  return gathering.result();
}

}  // namespace

Decoded decode_batch(std::string_view body, const std::vector<std::string>& asked) {
  if (trimmed(body).empty()) return nonsense("an empty body, where a list of tasks was asked for");
  if (auto tasks = read_plain_reply(body, asked)) return {Verdict::answered, std::move(*tasks), {}};
  Decoded failed;
  const auto json = parse(body, failed);
  if (!json) return failed;
  const Opened opened = open_reply(*json, asked);
  switch (opened.kind) {
    case Opened::Kind::none:
      return {Verdict::answered, {}, {}};
    case Opened::Kind::error:
      return refused(opened);
    case Opened::Kind::other:
      return nonsense("JSON without tasks: " + describe_body(body));
    case Opened::Kind::items:
      break;
  }
  Gathering gathering(asked);
  return read_items(opened, gathering);
}

Decoded decode_one(std::string_view body, const std::string& asked) {
  if (trimmed(body).empty()) return {Verdict::unknown_task, {}, "an empty body"};
  Decoded failed;
  const auto json = parse(body, failed);
  if (!json) return failed;
  const std::vector<std::string> ids{asked};
  const Opened opened = open_reply(*json, ids);
  const bool nothing = opened.kind == Opened::Kind::items && opened.items.empty();
  if (opened.kind == Opened::Kind::none || nothing) return {Verdict::unknown_task, {}, "an empty answer"};
  if (opened.kind != Opened::Kind::items && denies_task(opened.detail)) {
    return {Verdict::unknown_task, {}, one_line(opened.detail)};
  }
  if (opened.kind == Opened::Kind::error) return refused(opened);
  if (opened.kind == Opened::Kind::other) return nonsense("JSON without a task: " + describe_body(body));
  Gathering gathering(ids);
  Decoded decoded = read_items(opened, gathering);
  if (decoded.verdict == Verdict::answered && decoded.tasks.empty()) {
    return nonsense("told of task " + one_line(gathering.foreign(), 60) + " when asked for " + asked);
  }
  return decoded;
}

bool is_denial(std::string_view body) {
  const auto json = parse_json(body, nullptr, {64U << 10, 16, 1000});
  return json && json->is(Json::Kind::object) && denies_task(complaint(*json));
}

}  // namespace mjwatchd::gateway
