// What a batch will look at, read in one round trip.
#include <algorithm>

#include "daemon/store/postgres/batch_tables.hpp"
#include "daemon/store/stored_json.hpp"

namespace mjwatchd::store::postgres {
namespace {

constexpr std::size_t kNumbersAtOnce = 500;

}  // namespace

struct BatchTables::Wanted {
  Array ids{Array::Kind::text}, gateways{Array::Kind::text};  ///< tasks that are looked at
  /// Those whose number is known, and of them those whose texts are looked at.
  Array numbers{Array::Kind::number}, text_numbers{Array::Kind::number};
  Array deliveries{Array::Kind::number};
  std::map<TaskKey, TaskNo> keys;
  std::size_t events = 0, new_tasks = 0;

  /// Answers its number; 0: it is not known.
  TaskNo task(const TaskKey& key, const Holdings& held) {
    const auto [at, first] = keys.try_emplace(key, 0);
    if (!first) return at->second;  // once, however often it is changed: its receivers come with it
    ids.add(key.id);
    gateways.add(key.gateway);
    at->second = held.number_of(key);
    if (at->second != 0) numbers.add(at->second);
    return at->second;
  }
};

BatchTables::Wanted BatchTables::wanted_by(const std::vector<const Change*>& changes, const Holdings& held) {
  Wanted wanted;
  for (const Change* one : changes) {
    if (const auto* task = std::get_if<change::Task>(one)) {
      const TaskNo no = wanted.task(task->key, held);
      wanted.events += task->events.size();
      const bool texts = task->snapshot || task->images || !task->events.empty();
      if (texts && no != 0) wanted.text_numbers.add(no);
    } else if (const auto* wish = std::get_if<change::Register>(one)) {
      wanted.task(wish->registration.key, held);
      ++wanted.new_tasks;
    } else if (const auto* delivery = std::get_if<change::Delivery>(one)) {
      wanted.deliveries.add(delivery->no);
    } else if (std::holds_alternative<change::Test>(*one)) {
      ++wanted.events;
    }
  }
  return wanted;
}

void BatchTables::begin(const std::vector<const Change*>& changes, DaemonNo self,
                        const std::vector<std::string>& endpoints, const Holdings& held) {
  self_ = self;
  Wanted wanted = wanted_by(changes, held);
  Array names(Array::Kind::text);
  for (const std::string& name : endpoints) names.add(name);
  std::vector<Connection::Statement> ask{
      {"BEGIN", {}},
      {"SELECT pg_current_xact_id()::text::bigint FROM daemons WHERE no = ? AND beat + lease > clock_timestamp() "
       "FOR KEY SHARE",
       {Value(self)}},
      {"SELECT no, name, grp, disabled, EXISTS (SELECT 1 FROM deliveries WHERE receiver = receivers.no AND state = 2) "
       "FROM receivers WHERE name = ANY(?::text[])",
       {names.take()}}};
  const bool tasks = !wanted.keys.empty();
  if (tasks) {
    ask.push_back({"SELECT " MJWATCHD_TASK_COLUMNS
                   ", holder FROM unnest(?::text[], ?::text[]) AS k(id, gateway) JOIN tasks USING (id, gateway) "
                   "ORDER BY tasks.no FOR NO KEY UPDATE OF tasks",
                   {wanted.ids.take(), wanted.gateways.take()}});
    // By statements of their own: what others committed while a task's row was waited for is seen by these.
    ask.push_back(
        {"SELECT task, given, metadata, object, images FROM unnest(?::bigint[]) AS k(task) JOIN task_texts "
         "USING (task)",
         {wanted.text_numbers.take()}});
    ask.push_back(
        {"SELECT targets.no, receivers.no, name, grp, disabled, url, secret, targets.events, format, task, "
         "EXISTS (SELECT 1 FROM deliveries WHERE receiver = receivers.no AND state = 2) "
         "FROM unnest(?::bigint[]) AS k(task) JOIN targets USING (task) JOIN receivers ON receivers.no = "
         "targets.receiver ORDER BY targets.no",
         {wanted.numbers.take()}});
  }
  const bool deliveries = wanted.deliveries.size() != 0;
  if (deliveries) {
    const Value numbers = wanted.deliveries.take();
    ask.push_back(
        {"SELECT deliveries.no, coalesce((SELECT max(number) FROM attempts WHERE delivery = deliveries.no), "
         "0), tasks.holder, state FROM unnest(?::bigint[]) AS k(no) JOIN deliveries USING (no) JOIN tasks ON "
         "tasks.no = task WHERE deliveries.holder IS NULL ORDER BY tasks.no FOR SHARE OF tasks",
         {numbers}});
    ask.push_back(
        {"SELECT deliveries.no, coalesce((SELECT max(number) FROM attempts WHERE delivery = deliveries.no), "
         "0), holder, state FROM unnest(?::bigint[]) AS k(no) JOIN deliveries USING (no) WHERE holder IS NOT NULL "
         "ORDER BY deliveries.no FOR NO KEY UPDATE OF deliveries",
         {numbers}});
  }
  const bool more_tasks = task_numbers_.list.size() < wanted.new_tasks;
  if (more_tasks) {
    ask.push_back({"SELECT nextval('tasks_no_seq') FROM generate_series(1, ?::bigint)", {Value(wanted.new_tasks)}});
  }
  const bool more_deliveries = delivery_numbers_.list.size() < wanted.events;
  if (more_deliveries) {
    ask.push_back({"SELECT nextval('deliveries_no_seq') FROM generate_series(1, ?::bigint)",
                   {Value(std::max(wanted.events, kNumbersAtOnce))}});
  }

  auto answers = db_.together(ask);
  std::size_t at = 1;
  Rows& member = answers[at++];
  if (!member.next()) throw NotAMember();
  transaction_ = member.integer(0);
  take_in_receivers(std::move(answers[at++]));
  if (tasks) {
    take_in_tasks(std::move(answers[at]), wanted);
    take_in_texts(std::move(answers[at + 1]));
    take_in_targets(std::move(answers[at + 2]));
    at += 3;
  }
  if (deliveries) {
    take_in_deliveries(std::move(answers[at]));
    take_in_deliveries(std::move(answers[at + 1]));
    at += 2;
  }
  if (more_tasks) take_in_numbers(std::move(answers[at++]), task_numbers_);
  if (more_deliveries) take_in_numbers(std::move(answers[at++]), delivery_numbers_);
}

void BatchTables::take_in_tasks(Rows rows, const Wanted& wanted) {
  for (const auto& [key, no] : wanted.keys) tasks_[key];  // what has no row is known not to be there
  while (rows.next()) {
    TaskRow row = read_task(rows);
    Task& task = tasks_[row.record.key];
    task.holder = rows.null(kTaskColumns) ? 0 : rows.integer(kTaskColumns);
    if (wanted.keys.at(row.record.key) == row.no) task.targets.emplace();  // they come next, if there are any
    by_number_.emplace(row.no, &task);
    task.row = std::move(row);
  }
}

void BatchTables::take_in_texts(Rows rows) {
  while (rows.next()) {
    Task* task = known(rows.integer(0));
    if (task == nullptr) continue;
    task->texts = TaskTexts{rows.text(1), rows.text(2), rows.text(3), decode_images(rows.text(4))};
  }
}

void BatchTables::take_in_targets(Rows rows) {
  while (rows.next()) {
    Task* task = known(rows.integer(9));
    if (task == nullptr) continue;
    TargetRow target;
    target.no = rows.integer(0);
    target.receiver = {rows.integer(1), {rows.text(2), rows.text(3)}, rows.integer(4) != 0};
    target.url = rows.text(5);
    target.secret = rows.text(6);
    target.events = rows.maybe<EventMask>(7);
    target.format = rows.as<BodyFormat>(8);
    held_[target.receiver.no] = rows.integer(10) != 0;
    receivers_.insert_or_assign(target.receiver.ref.name, target.receiver);
    task->targets->push_back(std::move(target));
  }
}

void BatchTables::take_in_receivers(Rows rows) {
  while (rows.next()) {
    ReceiverRow row{rows.integer(0), {rows.text(1), rows.text(2)}, rows.integer(3) != 0};
    held_[row.no] = rows.integer(4) != 0;
    receivers_.insert_or_assign(row.ref.name, row);
  }
}

void BatchTables::take_in_deliveries(Rows rows) {
  while (rows.next()) {
    Known& known = deliveries_[rows.integer(0)];
    known.attempts = rows.integer(1);
    known.ours = !rows.null(2) && rows.integer(2) == self_;
    known.held = rows.as<DeliveryState>(3) == DeliveryState::held;
  }
}

void BatchTables::take_in_numbers(Rows rows, Numbers& numbers) {
  while (rows.next()) numbers.list.push_back(rows.integer(0));
  std::sort(numbers.list.rbegin(), numbers.list.rend());
}

}  // namespace mjwatchd::store::postgres
