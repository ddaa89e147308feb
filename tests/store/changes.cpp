#include "tests/store/changes.hpp"

#include <utility>

#include "daemon/core/schedule_lessons.hpp"
#include "mjwatchd/names.hpp"

namespace mjwatchd::store::test {

EventMask all_events() { return (EventMask{1} << 11U) - 1; }

StoreRules usual_rules() {
  StoreRules rules;
  const EventMask usual = mask_of(EventType::succeeded) | mask_of(EventType::failed) | mask_of(EventType::cancelled) |
                          mask_of(EventType::modal) | mask_of(EventType::images) | mask_of(EventType::expired) |
                          mask_of(EventType::lost);
  rules.endpoints = {{"app", {usual, BodyFormat::standard}},
                     {"all", {all_events(), BodyFormat::standard}},
                     {"ce", {usual, BodyFormat::cloudevents}},
                     {"nh", {usual, BodyFormat::notify_hook}}};
  rules.default_list = {"app"};
  return rules;
}

TaskKey key(const std::string& id, const std::string& gateway) { return {gateway, id}; }

change::Register registration(const std::string& id, WallTime at) {
  change::Register change;
  change.registration.key = key(id);
  change.at = at;
  return change;
}

Snapshot snapshot(const std::string& id, Status status, int progress, const std::string& more) {
  Snapshot seen;
  seen.id = id;
  seen.status = status;
  seen.action = "IMAGINE";
  seen.progress = static_cast<std::uint8_t>(progress);
  seen.digest = static_cast<std::uint64_t>(progress) * 16 + static_cast<unsigned>(status) + (1ULL << 63U);
  seen.json = SharedText(R"({"id":")" + id + R"(","status":")" + std::string(name(status)) + R"(","progress":")" +
                         std::to_string(progress) + "%\"" + more + "}");
  return seen;
}

change::Task running(const std::string& id, int progress, WallTime at) {
  change::Task change;
  change.key = key(id);
  change.snapshot = snapshot(id, Status::in_progress, progress);
  change.at = at;
  return change;
}

change::Task ended(const std::string& id, Ending ending, EventType type, WallTime at) {
  change::Task change;
  change.key = key(id);
  change.phase = Phase::done;
  change.ending = ending;
  change.events = {type};
  change.at = at;
  return change;
}

change::Task started(const std::string& id) {
  change::Task change = running(id, 30);
  change.events = {EventType::started};
  return change;
}

change::Task success(const std::string& id, WallTime at) {
  change::Task change = ended(id, Ending::succeeded, EventType::succeeded, at);
  change.snapshot = snapshot(id, Status::success, 100);
  return change;
}

WebhookTarget endpoint(const std::string& name, std::optional<EventMask> events) {
  WebhookTarget target;
  target.endpoint = name;
  target.events = events;
  return target;
}

WebhookTarget url(const std::string& address, const std::string& secret, std::optional<EventMask> events,
                  BodyFormat format) {
  WebhookTarget target;
  target.url = address;
  target.secret = secret;
  target.events = events;
  target.format = format;
  return target;
}

std::string lessons(const std::string& action, int tasks, float run) {
  Lessons some;
  some.ended = static_cast<std::uint32_t>(tasks);
  for (int i = 0; i < tasks; ++i) some.run.ended(run);
  return write_lessons({{action, some}});
}

std::map<std::string, std::uint32_t> ends_in(const std::string& learned) {
  std::map<std::string, std::uint32_t> ends;
  const LessonBook book = read_lessons(learned).value();
  for (const auto& [action, some] : book) ends[action] = some.ended;
  return ends;
}

}  // namespace mjwatchd::store::test
