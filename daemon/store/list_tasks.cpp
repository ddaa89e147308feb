#include <algorithm>

#include "daemon/store/filter.hpp"
#include "daemon/store/lists.hpp"
#include "daemon/store/postgres/connection.hpp"
#include "daemon/store/sqlite.hpp"
#include "daemon/store/stored_json.hpp"
#include "daemon/store/task_row.hpp"

namespace mjwatchd::store {
namespace {

constexpr std::size_t kMostTasks = 1000;

/// For LIKE … ESCAPE '\'.
std::string pattern(const std::string& word) {
  std::string out = "%";
  for (const char c : word) {
    if (c == '%' || c == '_' || c == '\\') out += '\\';
    out += c;
  }
  return out + "%";
}

/// A word in the id, the prompt or the metadata, whatever its letters' case.
constexpr const char* matches(const Connection*) {
  return "(tasks.id || char(10) || metadata || char(10) || "
         "iif(json_valid(object), coalesce(object ->> '$.prompt', ''), '')) LIKE ? ESCAPE '\\'";
}
constexpr const char* matches(const postgres::Connection*) {
  return "(tasks.id || chr(10) || metadata || chr(10) || mjwatchd_prompt(object)) ILIKE ? ESCAPE '\\'";
}

void add_search(Filter& filter, const TaskQuery& query, const char* matching) {
  for (const std::string& word : query.words) filter.add(matching, pattern(word));
  if (query.since) filter.add("tasks.registered_at >= ?", query.since->time_since_epoch().count());
  if (query.until) filter.add("tasks.registered_at < ?", query.until->time_since_epoch().count());
  std::string endings;
  for (const Ending ending : query.endings) {
    endings += (endings.empty() ? "" : ",") + std::to_string(static_cast<int>(ending));
  }
  if (!endings.empty()) filter.add("tasks.ending IN (" + endings + ")");
  if (query.stalled) filter.add("tasks.stalled = 1");
  if (query.pictures) filter.add("substr(images, 1, 12) = '{\"images\":[{'");
}

Filter filter_of(const TaskQuery& query, const char* matching) {
  Filter filter;
  if (query.after > 0) filter.add("tasks.no < ?", query.after);
  if (query.above > 0) filter.add("tasks.no > ?", query.above);
  if (!query.id.empty()) filter.add("tasks.id = ?", query.id);
  if (!query.gateway.empty()) filter.add("tasks.gateway = ?", query.gateway);
  if (query.status) filter.add("tasks.status = ?", static_cast<std::int64_t>(*query.status));
  if (query.active) filter.add(*query.active ? "tasks.phase <> 3" : "tasks.phase = 3");
  if (query.ended_before) {
    filter.add("tasks.phase = 3");
    filter.add("tasks.ended_at < ?", query.ended_before->time_since_epoch().count());
  }
  add_search(filter, query, matching);
  return filter;
}

/// The receivers as a client is shown them; empty when they are just the default list.
template <typename Db>
std::string receivers_of(Db& db, const StoreRules& rules, const TaskRow& task) {
  std::vector<WebhookTarget> targets;
  typename Db::Query row(
      db,
      "SELECT name, url, events, format FROM targets JOIN receivers ON receivers.no = targets.receiver "
      "WHERE task = ? ORDER BY targets.no",
      task.no);
  while (row.next()) {
    WebhookTarget target;
    target.url = row.text(1);
    if (target.url.empty()) target.endpoint = row.text(0);
    target.events = row.template maybe<EventMask>(2);
    target.format = row.template as<BodyFormat>(3);
    targets.push_back(std::move(target));
  }
  if (task.listed) return encode_receivers(targets);
  if (targets.empty()) return {};
  std::vector<WebhookTarget> all;
  for (const std::string& name : rules.default_list) {
    const bool added = std::any_of(targets.begin(), targets.end(), [&](const auto& t) { return t.endpoint == name; });
    if (added) continue;
    all.emplace_back();
    all.back().endpoint = name;
  }
  all.insert(all.end(), targets.begin(), targets.end());
  return encode_receivers(all);
}

template <typename Query>
TaskView view_of(const Query& row, TaskRow task) {
  TaskView view;
  view.no = task.no;
  view.record = std::move(task.record);
  view.ending = task.ending;
  view.sequence = task.sequence;
  view.finished_at = task.finished_at;
  view.ended_at = task.ended_at;
  view.metadata = row.text(kTaskColumns);
  view.object = row.text(kTaskColumns + 1);
  view.images = decode_images(row.text(kTaskColumns + 2));
  return view;
}

}  // namespace

template <typename Db>
std::vector<TaskView> list_tasks(Db& db, const StoreRules& rules, const TaskQuery& query) {
  const Filter filter = filter_of(query, matches(static_cast<const Db*>(nullptr)));
  const std::string sql = "SELECT " MJWATCHD_TASK_COLUMNS
                          ", metadata, object, images FROM tasks JOIN task_texts ON task_texts.task = tasks.no" +
                          filter.where() + " ORDER BY tasks.no DESC LIMIT ?";
  typename Db::Query row(db, sql);
  row.bind(filter.bind(row) + 1, std::clamp<std::size_t>(query.limit, 1, kMostTasks));
  std::vector<TaskView> list;
  while (row.next()) {
    TaskRow task = read_task(row);
    std::string receivers = receivers_of(db, rules, task);
    list.push_back(view_of(row, std::move(task)));
    list.back().webhooks = std::move(receivers);
  }
  return list;
}

template std::vector<TaskView> list_tasks(Connection&, const StoreRules&, const TaskQuery&);
template std::vector<TaskView> list_tasks(postgres::Connection&, const StoreRules&, const TaskQuery&);

}  // namespace mjwatchd::store
