#include "daemon/core/schedule_forecast.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "daemon/core/schedule_exp.hpp"

namespace mjwatchd {
namespace {

constexpr std::size_t kLongestName = 64;
/// How many tasks of an action the knowledge of all actions is worth.
constexpr float kPoolWeight = 1, kPoolFailureWeight = 5;
/// How many tasks the recorded timings are worth. They are wide, so that little corrects them.
constexpr float kRecordedWeight = 0.5F, kRecordedFailureWeight = 2;
constexpr float kHorizon = 1200;         ///< seconds; what lies beyond is as at its edge
constexpr float kNegligible = -6.2146F;  ///< as a power of e: one in five hundred

/// After a look, what is foreseen is as fine as a fiftieth of the time passed before it.
float width_after(float passed) { return std::clamp(passed / 50, 0.05F, 2.0F); }

/// Ages in the queue for which curves are kept: 0, then from half a second, each a fifth above the last.
constexpr float kFirstQueueAge = 0.5F, kQueueAgeStep = 1.2F;
std::size_t queue_age_index(float age) {
  if (age <= 0) return 0;
  const float at = std::log(age / kFirstQueueAge) / std::log(kQueueAgeStep);
  return static_cast<std::size_t>(std::max(std::round(at), 0.0F)) + 1;
}

}  // namespace

// ---- habits

Forecast::Forecast() {
  recorded_.queue = HazardTable(1.5F, 1.1F);
  recorded_.run = HazardTable(27, 1.1F);
  recorded_.failure = HazardTable(1e3F, 4);
  recorded_.pace = PaceTable::recorded();
  static_cast<void>(action({}));
}

std::uint8_t Forecast::action(std::string_view name) {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found != names_.end()) return static_cast<std::uint8_t>(found - names_.begin());
  const bool odd =
      name.size() > kLongestName || std::any_of(name.begin(), name.end(), [](char c) { return c >= 0 && c < ' '; });
  if (odd || names_.size() == kMostActions) return 0;
  names_.emplace_back(name);
  habits_.emplace_back();
  if (keeps_lessons_) fresh_.emplace_back();
  heed();
  return static_cast<std::uint8_t>(names_.size() - 1);
}

// ---- learning

Age Forecast::start(const Course& course, const Look& look, Age until) {
  if (look.started) return std::min(course.age(*look.started), until);
  if (course.started != kNotYet) return course.started;
  const bool ran = look.status == Status::in_progress || look.status == Status::success;
  return ran ? course.seen + (until - course.seen) / 2 : kNotYet;
}

void Forecast::passed(const Course& course, Age until, Age started) {
  habits_[course.action].passed(course, until, started);
  if (keeps_lessons_) fresh_[course.action].passed(course, until, started);
}

void Forecast::unfinished(Course& course, const Look& look, Time when) {
  const Age until = std::max(course.age(when), course.seen);
  const Age started = start(course, look, until);
  passed(course, until, started);
  course.started = started;
  const std::uint8_t step = look.progress ? PaceTable::step(*look.progress) : course.step;
  const bool first = course.stage_from == kNotYet && look.progress;
  if (started != kNotYet && (first || step != course.step)) {
    course.before_from = course.stage_from;
    course.before_to = course.seen;
    course.before_step = course.step;
    course.stage_from = until;
    course.step = step;
  }
  course.seen = until;
}

void Forecast::ended(Course& course, const Look& look, Time when) {
  const Age latest = std::max(course.age(when), course.seen);
  const Age end = look.finished ? std::clamp(course.age(*look.finished), course.seen, latest)
                                : course.seen + (latest - course.seen) / 2;
  const Age started = start(course, look, end);
  passed(course, end, started);
  const bool success = look.status == Status::success;
  Habits& habits = habits_[course.action];
  habits.finished(course, success, end, started);
  if (keeps_lessons_) fresh_[course.action].finished(course, success, end, started);
  ++habits.unheeded;
  // To take up what was learned costs as much as a hundred looks: after the first few not at each end.
  if (habits.unheeded >= std::min(habits.ended / 8 + 1, 16U)) heed();
}

/// Lets what was counted before weigh less, by what was counted since.
void Forecast::forget() {
  for (std::size_t i = 0; i < habits_.size(); ++i) {
    const std::uint32_t tasks = std::exchange(habits_[i].unheeded, 0);
    if (tasks == 0) continue;
    habits_[i].forget(tasks);
    if (keeps_lessons_) fresh_[i].forget(tasks);
  }
}

/// Lets what was counted take effect.
void Forecast::heed() {
  learned_.clear();
  forget();
  Lessons all;
  for (const Habits& habits : habits_) all.add(habits);
  all.derive(recorded_, kRecordedWeight, kRecordedFailureWeight);
  for (Habits& habits : habits_) {
    habits.derive(all, kPoolWeight, kPoolFailureWeight);
    habits.queued.fill(std::nullopt);
  }
}

// ---- foretelling

Curve Forecast::outlook(const Course& course) {
  if (course.modal) return {};
  Habits& habits = habits_[course.action];
  return course.started != kNotYet ? running(habits, course) : queued(habits, seconds(course.seen));
}

Curve Forecast::queued(Habits& habits, float age) const {
  const std::size_t index = queue_age_index(age);
  if (index >= kQueueAges) return queueing(habits, age);
  auto& kept = habits.queued[index];
  if (!kept) kept = queueing(habits, age);
  return *kept;
}

/// What remains of the queue, and then a whole run: the sum over the moments at which it may start.
Curve Forecast::queueing(const Habits& habits, float age) const {
  const float width = width_after(age);
  const auto times = kCurveNodes.times(width);
  const float queue = habits.queue.cumulative(age), failure = habits.failure.cumulative(age);
  std::array<float, Curve::kNodes> queues, lasts;
  for (std::size_t i = 0; i < Curve::kNodes; i += 4) {
    put_four(&queues[i], survival(queue - habits.queue.cumulative(age + four_at(&times[i]))));
  }
  lasts = queues;
  for (std::size_t start = 0; start + 1 < Curve::kNodes; ++start) {
    const float share = queues[start] - queues[start + 1];
    if (share < 1e-4F) continue;
    const float begin = (times[start] + times[start + 1]) / 2;
    for (std::size_t i = start / 4 * 4; i < Curve::kNodes; i += 4) {
      const FourFloats runs = four_at(&times[i]) - begin;
      const FourFloats last = share * survival(-habits.run.cumulative(runs));
      put_four(&lasts[i], four_at(&lasts[i]) + (runs > 0 ? last : four(0)));
    }
  }
  for (std::size_t i = 0; i < Curve::kNodes; i += 4) {
    const FourFloats well = survival(failure - habits.failure.cumulative(age + four_at(&times[i])));
    put_four(&lasts[i], four_at(&lasts[i]) * well);
  }
  return {width, times, Curve::kNodes, lasts};
}

/// How likely a run is to go on up to each node, as far as it hardly does: there it is taken to end. Answers how many
/// nodes that are.
std::size_t Forecast::going_on(const HazardTable& run, float elapsed, const NodeTimes& times, NodeTimes& lasting) {
  const float base = run.cumulative(elapsed);
  lasting[0] = 1;
  for (std::size_t i = 1; i < Curve::kNodes; i += 4) {
    const FourFloats after = four_at(&times[i]);
    const FourFloats powers = base - run.cumulative(elapsed + after);
    put_four(&lasting[i], survival(powers));
    const unsigned last = which((powers < kNegligible) | (after > kHorizon));
    if (last == 0) continue;
    const std::size_t size = std::min(i + static_cast<std::size_t>(std::countr_zero(last)) + 1, Curve::kNodes);
    lasting[size] = 0;
    return size;
  }
  lasting[Curve::kNodes] = 0;
  return Curve::kNodes;
}

/// How well runs of these lengths fit the progress that was seen.
FourFloats Forecast::fits(const PaceTable& pace, const Course& course, FourFloats runs) {
  if (course.stage_from == kNotYet) return four(1);
  const auto at = [&](Age age) { return seconds(age - course.started) * (1 / runs); };
  FourFloats likely = pace.likelihood(course.step, at(course.stage_from));
  if (course.seen > course.stage_from) likely *= pace.likelihood(course.step, at(course.seen));
  if (course.before_from != kNotYet) likely *= pace.likelihood(course.before_step, at(course.before_to));
  return likely;
}

/// Bayes' rule over the lengths that the run may have, from the present one on.
Curve Forecast::running(const Habits& habits, const Course& course) const {
  const float elapsed = seconds(course.seen - course.started), age = seconds(course.seen);
  const float width = width_after(elapsed);
  NodeTimes times = kCurveNodes.times(width), lasting;
  const std::size_t size = going_on(habits.run, elapsed, times, lasting);
  std::array<float, Curve::kNodes> weights, lasts;
  const float failure = habits.failure.cumulative(age);
  for (std::size_t i = 0; i < size; i += 4) {
    put_four(&lasts[i], survival(failure - habits.failure.cumulative(age + four_at(&times[i]))));
  }
  // Of each length of the run, the weight.
  times[size] = times[size - 1];
  float total = 0;
  for (std::size_t i = 0; i < size; i += 4) {
    const FourFloats runs = elapsed + (four_at(&times[i]) + four_at(&times[i + 1])) / 2;
    put_four(&weights[i], (four_at(&lasting[i]) - four_at(&lasting[i + 1])) * fits(habits.pace, course, runs));
  }
  for (std::size_t i = 0; i < size; ++i) total += weights[i];
  const float scale = total > 0 ? 1 / total : 0;
  float rest = 1;
  for (std::size_t i = 0; i < size; ++i) {
    lasts[i] *= rest;
    rest = std::max(rest - weights[i] * scale, 0.0F);
  }
  return {width, times, size, lasts};
}

std::vector<Belief> Forecast::beliefs() {
  std::vector<Belief> all;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (habits_[i].ended == 0) continue;
    const Curve whole = queued(habits_[i], 0);
    all.push_back({names_[i], whole.ended(0.5F), whole.ended(0.9F)});
  }
  return all;
}

// ---- memory

const std::string& Forecast::learned() {
  if (learned_.empty()) learned_ = written();
  return learned_;
}

std::string Forecast::written() const {
  std::string out = head_of_lessons();
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (habits_[i].ended > 0) habits_[i].write(names_[i], out, Exactness::kept);
  }
  return out;
}

void Forecast::restore(std::string_view text) {
  const auto book = read_lessons(text);
  if (!book) return;
  forget();
  for (const auto& [name, lessons] : *book) {
    const std::uint8_t number = action(name);
    if (names_[number] != name) continue;
    static_cast<Lessons&>(habits_[number]) = lessons;
    if (keeps_lessons_) habits_[number].then(fresh_[number]);
  }
  heed();
}

void Forecast::keep_lessons() {
  keeps_lessons_ = true;
  fresh_.resize(names_.size());
}

std::string Forecast::take_lessons() {
  forget();
  LessonBook book;
  for (std::size_t i = 0; i < fresh_.size(); ++i) {
    if (fresh_[i].ended > 0) book.emplace_back(names_[i], std::exchange(fresh_[i], {}));
  }
  return book.empty() ? std::string() : write_lessons(book);
}

}  // namespace mjwatchd
