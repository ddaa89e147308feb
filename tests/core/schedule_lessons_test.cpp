// What several daemons learn of the same gateway, put together.
#include "daemon/core/schedule_lessons.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "daemon/core/lesson_bag.hpp"
#include "daemon/core/schedule_forecast.hpp"

using namespace mjwatchd;
using namespace std::chrono_literals;

namespace {

/// One daemon's forecast, which is taught by tasks that end.
class Pupil {
 public:
  Pupil() { forecast.keep_lessons(); }

  void run(const std::string& action, milliseconds length, bool success = true) {
    Course course{.born = clock_, .action = static_cast<std::uint8_t>(forecast.action(action) & 0x7FU)};
    Look look;
    look.status = Status::in_progress;
    look.started = clock_ + 1s;
    look.progress = std::uint8_t{46};
    forecast.unfinished(course, look, clock_ + 1s + length / 2);
    look.status = success ? Status::success : Status::failure;
    look.finished = clock_ + 1s + length;
    forecast.ended(course, look, clock_ + 2s + length);
    clock_ += 10s;
  }
  [[nodiscard]] std::string lessons(const std::string& action, milliseconds length, int tasks) {
    for (int i = 0; i < tasks; ++i) run(action, length);
    return forecast.take_lessons();
  }
  [[nodiscard]] float median() { return forecast.beliefs().at(0).median_s; }

  Forecast forecast;

 private:
  Time clock_{1h};
};

/// Every number in it, runs of zeros written out; names left out.
std::vector<double> numbers(const std::string& learned) {
  std::vector<double> all;
  std::istringstream in(learned);
  for (std::string word; in >> word;) {
    if (word[0] == '*') {
      all.insert(all.end(), std::strtoull(word.c_str() + 1, nullptr, 10), 0.0);
    } else if (word[0] >= '0' && word[0] <= '9') {
      all.push_back(std::strtod(word.c_str(), nullptr));
    }
  }
  return all;
}

void check_alike(const std::string& one, const std::string& other, double low = 0.9999, double high = 1.0001) {
  const auto a = numbers(one), b = numbers(other);
  REQUIRE(a.size() == b.size());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] < b[i] * low - 1e-4 || a[i] > b[i] * high + 1e-4) ++wrong;
  }
  CHECK(wrong == 0);
}

std::uint32_t tasks_in(const std::string& learned) {
  std::uint32_t sum = 0;
  const auto book = read_lessons(learned);
  if (!book) return 0;
  for (const auto& [action, lessons] : *book) sum += lessons.ended;
  return sum;
}

/// Lessons as a daemon may have them, of some tasks of some actions.
std::string drawn(std::mt19937& dice, int most_tasks) {
  Pupil pupil;
  const std::array<std::string, 3> actions{"IMAGINE", "UPSCALE", "VIDEO"};
  for (auto left = 1 + static_cast<int>(dice()) % most_tasks; left > 0; --left) {
    pupil.run(actions.at(dice() % 3), milliseconds(500 + dice() % 120'000), dice() % 7 != 0);
  }
  return pupil.forecast.take_lessons();
}

}  // namespace

TEST_CASE("lessons may be put together in any grouping") {
  std::mt19937 dice(1);
  for (int world = 0; world < 30; ++world) {
    const std::string a = drawn(dice, 60), b = drawn(dice, 60), c = drawn(dice, 60);
    const std::string left = merge_learned(merge_learned(a, b), c), right = merge_learned(a, merge_learned(b, c));
    check_alike(left, right);
    CHECK(tasks_in(left) == tasks_in(a) + tasks_in(b) + tasks_in(c));
  }
}

TEST_CASE("in another order they are the same but for the weights") {
  std::mt19937 dice(2);
  for (int world = 0; world < 30; ++world) {
    // Each of both has every action, so that they stand in the same order.
    Pupil one, other;
    for (const char* action : {"IMAGINE", "UPSCALE", "VIDEO"}) {
      one.run(action, milliseconds(dice() % 60'000));
      other.run(action, milliseconds(dice() % 60'000));
    }
    for (int i = 0; i < 40; ++i) one.run("IMAGINE", milliseconds(dice() % 60'000));
    for (int i = 0; i < 40; ++i) other.run("IMAGINE", milliseconds(dice() % 60'000));
    const std::string a = one.forecast.take_lessons(), b = other.forecast.take_lessons();
    const double most = std::pow(0.997, 41);
    check_alike(merge_learned(a, b), merge_learned(b, a), most, 1 / most);
  }
}

TEST_CASE("nothing, and what is of another version, counts for nothing") {
  const std::string lessons = Pupil().lessons("IMAGINE", 20s, 5);
  for (const std::string nothing : {"", "schedule-1\nIMAGINE\n", "nonsense", "schedule-2\nIMAGINE\n7\n130 *130"}) {
    CHECK(merge_learned(lessons, nothing) == lessons);
    CHECK(merge_learned(nothing, lessons) == lessons);
  }
  CHECK(merge_learned("", "").empty());
  CHECK(Pupil().forecast.take_lessons().empty());
}

TEST_CASE("the actions of all together are bounded, and none that is known gives way") {
  std::string known;
  for (int i = 0; i < 30; ++i) known = merge_learned(known, Pupil().lessons("A" + std::to_string(i), 20s, 1));
  const auto book = read_lessons(known);
  REQUIRE(book);
  CHECK(book->size() == kMostActions);
  CHECK(book->front().first == "A0");
  CHECK(tasks_in(merge_learned(known, Pupil().lessons("A3", 20s, 4))) == kMostActions + 4);
}

TEST_CASE("lessons of one task each are felt, however much is known, and what was known gives way") {
  std::string known = Pupil().lessons("IMAGINE", 20s, 3000);
  for (int i = 0; i < 700; ++i) known = merge_learned(known, Pupil().lessons("IMAGINE", 60s, 1));
  Pupil reader;
  reader.forecast.restore(known);
  CHECK(reader.median() > 50);
  CHECK(known.size() < 16'000);
}

TEST_CASE("daemons that share lessons come to expect what one would that sees all the tasks") {
  std::mt19937 dice(3);
  std::array<Pupil, 3> pupils;
  std::array<LessonBag, 3> bags;
  Pupil alone;
  std::string store;
  const auto share = [&](std::size_t who) {
    bags.at(who).add(pupils.at(who).forecast.take_lessons());
    store = merge_learned(store, bags.at(who).send());
    pupils.at(who).forecast.restore(bags.at(who).arrived(store));
  };
  for (int i = 0; i < 600; ++i) {
    const milliseconds length(20'000 + i * 50 + dice() % 10'000);  // slower and slower
    alone.run("IMAGINE", length);
    pupils.at(dice() % 3).run("IMAGINE", length);
    if (i % 7 == 0) share(dice() % 3);
  }
  for (std::size_t who : {0U, 1U, 2U, 0U, 1U}) share(who);
  CHECK(tasks_in(store) == 600);
  for (Pupil& pupil : pupils) {
    CHECK(pupil.median() == doctest::Approx(alone.median()).epsilon(0.02));
    CHECK(pupil.median() == doctest::Approx(pupils[0].median()).epsilon(0.001));
  }
  Pupil newcomer;
  newcomer.forecast.restore(store);
  CHECK(newcomer.median() == doctest::Approx(pupils[0].median()).epsilon(0.001));
}

TEST_CASE("what is learned while lessons are under way is neither lost nor given twice, whatever comes back") {
  std::mt19937 dice(4);
  Pupil pupil;
  LessonBag bag;
  std::string store, sent;
  std::uint32_t taught = 0;
  for (int step = 0; step < 400; ++step) {
    switch (dice() % 5) {
      case 0:
      case 1:
        pupil.run("IMAGINE", milliseconds(dice() % 60'000));
        ++taught;
        break;
      case 2:
        if (bag.under_way()) break;
        bag.add(pupil.forecast.take_lessons());
        sent = bag.send();
        break;
      case 3:
        if (!bag.under_way()) break;
        store = merge_learned(store, sent);
        pupil.forecast.restore(bag.arrived(store));
        break;
      default:
        if (bag.under_way()) bag.came_back();
        // A reload takes what the schedule has not given yet.
        if (dice() % 2 == 0) bag.add(pupil.forecast.take_lessons());
        break;
    }
  }
  if (bag.under_way()) bag.came_back();
  bag.add(pupil.forecast.take_lessons());
  store = merge_learned(store, bag.send());
  pupil.forecast.restore(bag.arrived(store));
  CHECK(tasks_in(store) == taught);
  CHECK(tasks_in(pupil.forecast.learned()) == taught);
}
