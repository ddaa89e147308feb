// Something was learned of a task.
#include <algorithm>

#include "daemon/gateway/links.hpp"
#include "daemon/gateway/merge.hpp"
#include "daemon/store/event_row.hpp"
#include "daemon/store/transaction.hpp"

namespace mjwatchd::store {
namespace {

bool tells_an_end(EventType type) {
  return type == EventType::succeeded || type == EventType::failed || type == EventType::cancelled ||
         type == EventType::expired || type == EventType::lost;
}

/// A final status never turns back, an end is told once, and what is done stays done; a change that
/// would do otherwise was decided before somebody else's was committed.
bool overtaken(const TaskRow& row, const change::Task& change) {
  if (change.phase < row.record.phase) return true;
  if (row.ending != Ending::none) {
    const auto& events = change.events;
    return change.ending != row.ending || change.snapshot || std::any_of(events.begin(), events.end(), tells_an_end);
  }
  const bool ended_well = change.ending == Ending::none || change.ending == Ending::succeeded;
  return row.record.phase == Phase::saving && (change.snapshot || !ended_well);
}

void take_in(const Snapshot& seen, WallTime at, TaskRow& row, TaskTexts& texts) {
  TaskRecord& record = row.record;
  const bool first = texts.object.empty() && record.digest == 0;
  row.previous = first ? std::nullopt : std::optional(record.status);
  const bool status_moved = seen.status != Status::unknown && seen.status != record.status;
  const bool progress_moved = seen.progress && seen.progress != record.progress;
  if (status_moved || progress_moved) record.changed_at = at;
  if (seen.status != Status::unknown) record.status = seen.status;
  if (seen.progress) record.progress = seen.progress;
  if (!seen.action.empty()) record.action = seen.action;
  if (seen.submitted) record.submitted_at = seen.submitted;
  if (seen.started) record.started_at = seen.started;
  if (seen.finished) row.finished_at = seen.finished;
  record.digest = seen.digest;
  if (seen.json) texts.object = gateway::merge_objects(texts.object, *seen.json);
  if (record.status == Status::success) record.link_expires_at = gateway::earliest_expiry(texts.object);
}

/// A later attempt that brought nothing leaves the pictures and the seed that are there.
void take_in(const ImageResult& came, ImageResult& known) {
  if (!came.images.empty()) known.images = came.images;
  if (came.seed) known.seed = came.seed;
  known.error = came.error;
}

/// A start is told once: a core that took the task up after a crash knows only where it stands now.
bool told_already(Transaction& in, const TaskRow& row, EventType type) {
  return type == EventType::started && row.sequence > 0 && in.tables.was_told(row, type);
}

void tell(Transaction& in, const change::Task& change, TaskRow& row, const TaskTexts& texts, CommitResult& result) {
  if (change.events.empty()) return;
  const std::vector<Subscriber> everyone = subscribers(in, row, change.at);
  EventFacts facts = facts_of(row, texts);
  facts.at = change.at;
  for (const EventType type : change.events) {
    if (told_already(in, row, type)) continue;
    std::vector<const Subscriber*> listening;
    for (const Subscriber& one : everyone) {
      if ((one.events & mask_of(type)) != 0) listening.push_back(&one);
    }
    facts.type = type;
    if (type == EventType::progress && listening.empty()) {  // for live streams only
      facts.webhook_id.clear();
      facts.sequence = 0;
      auto body = std::make_shared<const std::string>(webhooks::render_body(BodyFormat::standard, facts));
      result.events.push_back({0, type, facts.key, 0, facts.at, {}, std::move(body)});
      continue;
    }
    facts.webhook_id = new_webhook_id();
    facts.sequence = ++row.sequence;
    record_event(in, row.no, facts, listening, result);
  }
}

}  // namespace

CommitResult apply(Transaction& in, const change::Task& change) {
  auto row = in.tables.find_task(change.key);
  if (!row || overtaken(*row, change)) return only(CommitResult::Code::missing);
  CommitResult result;
  result.code = CommitResult::Code::done;
  const bool texts_change = change.snapshot || change.images;
  TaskTexts texts;
  if (texts_change || !change.events.empty()) texts = in.tables.load_texts(row->no);
  if (change.snapshot) take_in(*change.snapshot, change.at, *row, texts);
  if (change.images) take_in(*change.images, texts.images);
  const bool succeeded =
      row->record.phase == Phase::watching && change.phase != Phase::watching && row->record.status == Status::success;
  if (succeeded) row->record.success_at = change.at;
  row->record.phase = change.phase;
  row->record.stalled = change.stalled;
  if (row->ending == Ending::none && (change.ending != Ending::none || change.phase == Phase::done)) {
    row->ended_at = change.at;
  }
  row->ending = change.ending;
  tell(in, change, *row, texts, result);
  in.tables.update_task(*row);
  if (texts_change) in.tables.update_texts(row->no, texts);
  result.task = row->record;
  return result;
}

}  // namespace mjwatchd::store
