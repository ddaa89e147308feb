#include <algorithm>

#include "daemon/control/json.hpp"
#include "daemon/control/views.hpp"
#include "mjwatchd/names.hpp"

namespace mjwatchd::control {
namespace {

void write_images(JsonText& out, const std::vector<SavedImage>& images) {
  out.key("images").array();
  for (const auto& image : images) {
    out.object().text("path", image.path).text("url", image.url).text("sha256", image.sha256);
    out.count("bytes", image.bytes).text("content_type", image.content_type);
    for (const auto& [name, pixels] : {std::pair{"width", image.width}, std::pair{"height", image.height}}) {
      out.key(name);
      if (pixels == 0) {
        out.null();
      } else {
        out.count(pixels);
      }
    }
    out.end_object();
  }
  out.end_array();
}

/// The receivers as they were registered, without even the digest of a secret.
std::string without_secrets(const std::string& webhooks) {
  std::string wrong;
  auto list = read_json(webhooks, wrong);
  if (!list) return "null";
  for (auto& one : list->values) {
    const auto at = std::find(one.keys.begin(), one.keys.end(), "secret");
    if (at == one.keys.end()) continue;
    one.values.erase(one.values.begin() + (at - one.keys.begin()));
    one.keys.erase(at);
  }
  return canonical(*list);
}

}  // namespace

bool has_ended(const TaskView& task) { return task.record.phase == Phase::late || task.record.phase == Phase::done; }

void write_task(JsonText& out, const TaskView& task) {
  const auto& record = task.record;
  out.object().text("id", record.key.id).text("gateway", record.key.gateway);
  out.text("status", name(record.status)).text("phase", name(record.phase));
  out.word("ending", task.ending == Ending::none ? std::string_view() : name(task.ending));
  out.word("action", record.action).key("progress");
  if (record.progress) {
    out.count(*record.progress);
  } else {
    out.null();
  }
  out.truth("stalled", record.stalled).count("sequence", task.sequence);
  out.time("registered_at", record.registered_at).time("submitted_at", record.submitted_at);
  out.time("started_at", record.started_at).time("finished_at", task.finished_at);
  out.time("changed_at", record.changed_at).time("ended_at", task.ended_at).time("expires_at", record.expire_at);
  out.text("save", name(record.save)).key("webhooks");
  if (task.webhooks.empty()) {
    out.null();  // the configuration's default list
  } else {
    out.json(without_secrets(task.webhooks));
  }
  out.key("metadata").json(task.metadata, "{}");
  write_images(out, task.images.images);
  out.maybe("image_error", task.images.error).maybe("seed", task.images.seed);
  out.key("task").json(task.object).end_object();
}

std::string show_task(const TaskView& task) {
  JsonText out;
  write_task(out, task);
  return out.take();
}

TaskView fresh_view(const TaskRecord& record, const Registration& registration) {
  TaskView view;
  view.record = record;
  view.metadata = registration.metadata;
  const auto webhooks = registration.given.find("webhooks");
  if (webhooks != registration.given.end()) view.webhooks = webhooks->second;
  return view;
}

std::string show_tasks(const std::vector<TaskView>& tasks, std::size_t limit) {
  JsonText out;
  out.object().key("tasks").array();
  for (const auto& task : tasks) write_task(out, task);
  const bool more = !tasks.empty() && tasks.size() >= limit;
  out.end_array().word("next_cursor", more ? std::to_string(tasks.back().no) : std::string());
  return out.end_object().take();
}

}  // namespace mjwatchd::control
