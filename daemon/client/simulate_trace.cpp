#include "daemon/client/simulate_trace.hpp"

#include <algorithm>
#include <charconv>
#include <istream>
#include <unordered_set>

#include "daemon/client/connection.hpp"
#include "daemon/client/json.hpp"
#include "mjwatchd/names.hpp"

namespace mjwatchd::client {
namespace {

/// Far beyond any recording, and far from the ends of what a moment can be.
constexpr std::int64_t kLongest = std::chrono::milliseconds(std::chrono::days(3650)).count();

std::optional<std::uint8_t> percent(const rapidjson::Value& value) {
  const std::string written = text(value);
  int number = 0;
  const auto read = std::from_chars(written.data(), written.data() + written.size(), number);
  if (read.ec != std::errc() || number < 0 || number > 100) return std::nullopt;
  return static_cast<std::uint8_t>(number);
}

/// Reads one line; `where` is "FILE:LINE: ", for what is wrong with it.
class LineReader {
 public:
  explicit LineReader(std::string where) : where_(std::move(where)) {}

  TraceTask read(const std::string& line) const {
    rapidjson::Document document;
    document.Parse<rapidjson::kParseIterativeFlag>(line.data(), line.size());
    if (document.HasParseError() || !document.IsObject()) wrong("a JSON object was expected");
    TraceTask task;
    task.id = text(document, "id");
    if (task.id.empty()) wrong("\"id\" is missing");
    task.action = text(document, "action");
    task.submitted = moment(member(document, "submit_ms"), "\"submit_ms\"");
    const auto& timeline = member(document, "timeline");
    if (!timeline.IsArray() || timeline.Empty()) wrong("\"timeline\" must be an array of [offset_ms,status,progress]");
    for (const auto& one : timeline.GetArray()) {
      const TracePoint point = this->point(one);
      if (!task.timeline.empty() && point.at < task.timeline.back().at) wrong("\"timeline\" goes back in time");
      if (!task.timeline.empty() && is_final(task.timeline.back().status)) wrong("\"timeline\" goes on after the end");
      task.timeline.push_back(point);
    }
    return task;
  }

  [[noreturn]] void wrong(const std::string& what) const { throw Trouble(Exit::error, where_ + what); }

 private:
  TracePoint point(const rapidjson::Value& value) const {
    if (!value.IsArray() || value.Size() < 2 || !value[1].IsString()) {
      wrong("a point of \"timeline\" must be [offset_ms,\"STATUS\",\"progress\"]");
    }
    TracePoint point;
    point.at = moment(value[0], "an offset");
    point.status = parse_status(value[1].GetString()).value_or(Status::unknown);
    if (value.Size() > 2) point.progress = percent(value[2]);
    return point;
  }

  milliseconds moment(const rapidjson::Value& value, const char* what) const {
    if (!value.IsInt64() || value.GetInt64() < 0 || value.GetInt64() > kLongest) {
      wrong(std::string(what) + " must be whole milliseconds, from 0 to ten years");
    }
    return milliseconds(value.GetInt64());
  }

  std::string where_;
};

}  // namespace

const TracePoint* TraceTask::seen_at(milliseconds moment) const {
  const auto after = std::upper_bound(timeline.begin(), timeline.end(), moment - submitted,
                                      [](milliseconds at, const TracePoint& point) { return at < point.at; });
  return after == timeline.begin() ? nullptr : &*std::prev(after);
}

std::optional<milliseconds> TraceTask::started() const {
  for (const TracePoint& point : timeline) {
    if (point.status == Status::in_progress) return submitted + point.at;
  }
  return std::nullopt;
}

std::optional<milliseconds> TraceTask::ended() const {
  if (timeline.empty() || !is_final(timeline.back().status)) return std::nullopt;
  return submitted + timeline.back().at;
}

std::optional<milliseconds> dropped(const TraceTask& task) {
  const milliseconds patience_ends = task.submitted + kPatience;
  const auto ended = task.ended();
  if (ended && *ended < patience_ends) return std::nullopt;
  return patience_ends;
}

Trace read_trace(std::istream& in, const std::string& name) {
  Trace trace;
  std::unordered_set<std::string> ids;
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const LineReader reader(name + ":" + std::to_string(number) + ": ");
    TraceTask task = reader.read(line);
    if (!ids.insert(task.id).second) reader.wrong("a task \"" + task.id + "\" was there before");
    trace.push_back(std::move(task));
  }
  if (trace.empty()) throw Trouble(Exit::error, name + ": has no tasks");
  std::stable_sort(trace.begin(), trace.end(),
                   [](const TraceTask& a, const TraceTask& b) { return a.submitted < b.submitted; });
  return trace;
}

}  // namespace mjwatchd::client
