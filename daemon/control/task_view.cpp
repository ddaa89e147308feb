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

/// The receivers, their URLs without what may hold a secret.
std::string shown_receivers(const std::string& receivers) {
  std::string wrong;
  auto list = read_json(receivers, wrong);
  if (!list) return "null";
  for (auto& one : list->values) {
    for (std::size_t i = 0; i < one.keys.size(); ++i) {
      if (one.keys[i] == "url") one.values[i].text = shown_url(one.values[i].text);
    }
  }
  return canonical(*list);
}

/// What a list shows of the gateway's object: what was asked for, and why it failed.
std::string brief_object(const std::string& object) {
  std::string wrong;
  auto whole = read_json(object, wrong);
  if (!whole || !whole->is(Json::Kind::object)) return "null";
  Json brief;
  brief.kind = Json::Kind::object;
  for (const std::string_view key : {"prompt", "failReason", "description"}) {
    if (const Json* const value = whole->find(key); value != nullptr && value->is(Json::Kind::text)) {
      brief.keys.emplace_back(key);
      brief.values.push_back(*value);
    }
  }
  return canonical(brief);
}

void write_receiver(JsonText& out, const WebhookTarget& target) {
  if (!target.endpoint.empty()) {
    out.text(target.endpoint);
    return;
  }
  out.object().text("url", target.url);
  if (target.events) {
    out.key("events").array();
    for (unsigned bit = 0; bit <= static_cast<unsigned>(EventType::test); ++bit) {
      const auto type = static_cast<EventType>(bit);
      if ((*target.events & mask_of(type)) != 0) out.text(name(type));
    }
    out.end_array();
  }
  out.text("format", name(target.format)).end_object();
}

}  // namespace

bool has_ended(const TaskView& task) { return task.record.phase == Phase::late || task.record.phase == Phase::done; }

void write_task(JsonText& out, const TaskView& task, bool brief) {
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
    out.json(shown_receivers(task.webhooks));
  }
  out.key("metadata").json(task.metadata, "{}");
  write_images(out, task.images.images);
  out.maybe("image_error", task.images.error).maybe("seed", task.images.seed);
  out.key("task").json(brief ? brief_object(task.object) : task.object).end_object();
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
  if (registration.webhooks) {
    JsonText receivers;
    receivers.array();
    for (const auto& target : *registration.webhooks) write_receiver(receivers, target);
    view.webhooks = receivers.end_array().take();
  }
  return view;
}

std::string show_tasks(const std::vector<TaskView>& tasks, TaskNo next, bool brief) {
  JsonText out;
  out.object().key("tasks").array();
  for (const auto& task : tasks) write_task(out, task, brief);
  out.end_array().word("next_cursor", next > 0 ? std::to_string(next) : std::string());
  return out.end_object().take();
}

}  // namespace mjwatchd::control
