#include "daemon/core/schedule_lessons.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "mjwatchd/poll_schedule.hpp"

namespace mjwatchd {
namespace {

constexpr float kKeep = 0.997F;  ///< of what is known, at each task that ends
constexpr std::string_view kVersion = "schedule-2";

}  // namespace

void Lessons::passed(const Course& course, Age until, Age started) {
  failure.passed(seconds(course.seen), seconds(until));
  const bool runs = started != kNotYet;
  if (course.started == kNotYet) {
    queue.passed(seconds(course.seen), seconds(runs ? started : until));
    if (runs) queue.ended(seconds(started));
  }
  if (runs) run.passed(seconds(std::max(course.seen - started, Age(0))), seconds(until - started));
}

void Lessons::finished(const Course& course, bool success, Age end, Age started) {
  ++ended;
  if (!success) return failure.ended(seconds(end));
  const float length = std::max(seconds(end - started), 0.001F);
  run.ended(length);
  const auto share = [&](Age age) { return seconds(age - started) / length; };
  if (course.stage_from >= started) pace.saw(course.step, share(course.stage_from), share(course.seen));
  if (course.before_from >= started) pace.saw(course.before_step, share(course.before_from), share(course.before_to));
}

void Lessons::add(const Lessons& other) {
  queue.add(other.queue);
  run.add(other.run);
  failure.add(other.failure);
  pace.add(other.pace);
  ended += std::min(other.ended, std::numeric_limits<std::uint32_t>::max() - ended);
}

void Lessons::forget(std::uint32_t tasks) {
  const float factor = std::pow(kKeep, static_cast<float>(tasks));
  queue.forget(factor);
  run.forget(factor);
  failure.forget(factor);
  pace.forget(factor);
}

void Lessons::then(const Lessons& later) {
  forget(later.ended);
  add(later);
}

void Lessons::derive(const Lessons& prior, float weight, float failure_weight) {
  queue.derive(prior.queue, weight);
  run.derive(prior.run, weight);
  failure.derive(prior.failure, failure_weight);
  pace.derive(prior.pace, weight);
}

void Lessons::write(std::string_view action, std::string& out, Exactness exactness) const {
  out += action;
  out += '\n' + std::to_string(ended) + '\n';
  queue.write(out, exactness);
  run.write(out, exactness);
  failure.write(out, exactness);
  pace.write(out, exactness);
}

std::string head_of_lessons() { return std::string(kVersion) + '\n'; }

std::string write_lessons(const LessonBook& book) {
  std::string out = head_of_lessons();
  for (const auto& [action, lessons] : book) {
    if (lessons.ended > 0) lessons.write(action, out, Exactness::passed);
  }
  return out;
}

std::optional<LessonBook> read_lessons(std::string_view text) {
  if (!text.starts_with(kVersion)) return std::nullopt;
  std::istringstream in{std::string(text)};
  std::string line;
  if (!std::getline(in, line) || line != kVersion) return std::nullopt;
  LessonBook book;
  while (book.size() < kMostActions && std::getline(in, line)) {
    Lessons lessons;
    if (!(in >> lessons.ended) || !lessons.queue.read(in) || !lessons.run.read(in) || !lessons.failure.read(in) ||
        !lessons.pace.read(in)) {
      return std::nullopt;
    }
    in.ignore();  // the end of the line
    book.emplace_back(line, lessons);
  }
  return book;
}

std::string merge_learned(std::string_view known, std::string_view later) {
  const auto more = read_lessons(later);
  if (!more) return std::string(known);  // unread: most often nothing was learned
  auto book = read_lessons(known);
  if (!book) return std::string(later);
  for (const auto& [action, lessons] : *more) {
    const auto same = [&name = action](const auto& one) { return one.first == name; };
    const auto found = std::find_if(book->begin(), book->end(), same);
    if (found != book->end()) {
      found->second.then(lessons);
    } else if (book->size() < kMostActions) {
      book->emplace_back(action, lessons);
    }
  }
  return write_lessons(*book);
}

}  // namespace mjwatchd
