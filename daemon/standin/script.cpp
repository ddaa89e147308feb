#include "daemon/standin/script.hpp"

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>

#include <algorithm>
#include <array>
#include <istream>
#include <random>
#include <stdexcept>

namespace mjwatchd::standin {

namespace {

constexpr std::int64_t kLatestMs = 366LL * 86'400'000;  // a year: keeps all sums of times far from overflow

milliseconds time_of(const rapidjson::Value& value, const char* what) {
  if (!value.IsNumber() || value.GetDouble() < 0 || value.GetDouble() > static_cast<double>(kLatestMs)) {
    throw std::invalid_argument(std::string(what) + " must be milliseconds from 0 to a year");
  }
  return milliseconds(static_cast<std::int64_t>(value.GetDouble()));
}

Step step_of(const rapidjson::Value& value) {
  if (!value.IsArray() || value.Size() != 3 || !value[1].IsString() || !value[2].IsString()) {
    throw std::invalid_argument("a step of \"timeline\" must be [offset_ms, \"STATUS\", \"progress\"]");
  }
  return Step{time_of(value[0], "a step's offset"), value[1].GetString(), value[2].GetString()};
}

/// Uniform in [low, high), from the bits of the generator alone: std::uniform_* differ between
/// standard libraries.
double draw(std::mt19937_64& random, double low, double high) {
  return low + (high - low) * (static_cast<double>(random() >> 11U) * 0x1.0p-53);
}

/// Seconds from startTime to finishTime, drawn around recorded ones.
double draw_work(const std::string& action, std::mt19937_64& random) {
  constexpr std::array kImagine{27.8, 34.8, 35.9, 38.9, 39.2, 39.4, 42.1, 52.0, 54.0, 61.5, 105.0, 112.0};
  constexpr std::array kUpscale{1.4, 10.3, 10.9};
  double base = 0;
  if (action == "UPSCALE") {
    base = kUpscale[random() % kUpscale.size()];
  } else if (action == "DESCRIBE" || action == "SHORTEN") {
    base = 8;
  } else {
    base = kImagine[random() % kImagine.size()];
  }
  return base * draw(random, 0.9, 1.1);
}

/// The steps between start and end. Their spacing is recorded tasks' own, stretched to fit.
void add_progress(Script& script, milliseconds start, milliseconds end, std::mt19937_64& random) {
  constexpr std::array kProgress{"15%", "31%", "46%", "62%", "78%", "93%"};
  std::vector<double> marks;
  double at = draw(random, 11, 13);
  for (std::size_t i = 0; i < kProgress.size(); ++i) {
    marks.push_back(at);
    at += i + 1 < kProgress.size() ? draw(random, 6, 8) : draw(random, 6.7, 8.7);
  }
  const double stretch = static_cast<double>((end - start).count()) / at;
  for (std::size_t i = 0; i < kProgress.size(); ++i) {
    script.steps.push_back(
        Step{start + milliseconds(static_cast<std::int64_t>(marks[i] * stretch)), "IN_PROGRESS", kProgress[i]});
  }
}

void add_ending(Script& script, const Wish& wish, milliseconds start, milliseconds end, std::mt19937_64& random) {
  if (wish.ending == "NEVER") {
    script.steps.push_back(Step{start + (end - start) / 2, "IN_PROGRESS", "46%"});
    return;
  }
  if (wish.ending == "FAILURE") {
    // Recorded failures come early: the prompt is refused, seldom the work.
    script.steps.push_back(Step{wish.duration ? end : start + milliseconds(1200), "FAILURE", ""});
    script.fail_reason =
        digest(wish.id) % 2 == 0 ? "Invalid Form Body" : "[Invalid parameter] Unrecognized parameter(s)";
    return;
  }
  if (wish.ending == "CANCEL") {
    const auto when = wish.duration ? end : start + (end - start) / 2;
    script.steps.push_back(Step{when, "CANCEL", ""});
    return;
  }
  // Fast actions show no steps.
  if (wish.action != "UPSCALE" && wish.action != "DESCRIBE" && wish.action != "SHORTEN") {
    add_progress(script, start, end, random);
  }
  script.steps.push_back(Step{end, "SUCCESS", "100%"});
}

std::string make_prompt(std::uint64_t number) {
  constexpr std::array kWhat{"a lighthouse on a cliff", "a fox in the snow", "an old tram",   "a glass teapot",
                             "a village at dusk",       "a paper boat",      "a red bicycle", "a field of poppies"};
  constexpr std::array kHow{"soft morning light", "watercolour", "film grain, 35mm", "isometric", "low poly",
                            "rain, reflections",  "pastel"};
  return std::string(kWhat[number % kWhat.size()]) + ", " + kHow[(number >> 16U) % kHow.size()];
}

}  // namespace

std::uint64_t digest(std::string_view text, std::uint64_t seed) {
  std::uint64_t hash = 14695981039346656037ULL ^ (seed * 0x9E3779B97F4A7C15ULL);
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211ULL;
  }
  hash ^= hash >> 33U;
  hash *= 0xff51afd7ed558ccdULL;
  hash ^= hash >> 33U;
  hash *= 0xc4ceb9fe1a85ec53ULL;
  return hash ^ (hash >> 33U);
}

Script parse_trace_line(std::string_view line) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag>(line.data(), line.size());
  if (document.HasParseError()) throw std::invalid_argument(rapidjson::GetParseError_En(document.GetParseError()));
  if (!document.IsObject()) throw std::invalid_argument("a line must be a JSON object");
  Script script;
  const auto id = document.FindMember("id");
  if (id == document.MemberEnd() || !id->value.IsString() || id->value.GetStringLength() == 0) {
    throw std::invalid_argument("\"id\" must be a text");
  }
  script.id = id->value.GetString();
  if (const auto action = document.FindMember("action"); action != document.MemberEnd() && action->value.IsString()) {
    script.action = action->value.GetString();
  }
  if (const auto submit = document.FindMember("submit_ms"); submit != document.MemberEnd()) {
    script.submit = time_of(submit->value, "\"submit_ms\"");
  }
  const auto timeline = document.FindMember("timeline");
  if (timeline == document.MemberEnd() || !timeline->value.IsArray() || timeline->value.Empty()) {
    throw std::invalid_argument("\"timeline\" must be an array with at least one step");
  }
  for (const auto& step : timeline->value.GetArray()) script.steps.push_back(step_of(step));
  std::stable_sort(script.steps.begin(), script.steps.end(), [](const Step& a, const Step& b) { return a.at < b.at; });
  script.prompt = make_prompt(digest(script.id));
  return script;
}

std::vector<Script> read_trace(std::istream& in, const std::string& name) {
  std::vector<Script> scripts;
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      scripts.push_back(parse_trace_line(line));
    } catch (const std::invalid_argument& wrong) {
      throw std::runtime_error(name + ":" + std::to_string(number) + ": " + wrong.what());
    }
  }
  return scripts;
}

Script make_up(const Wish& wish) {
  std::mt19937_64 random(digest(wish.id, wish.seed));
  Script script;
  script.id = wish.id;
  script.action = wish.action;
  script.prompt = make_prompt(random());
  script.steps.push_back(Step{milliseconds(0), "SUBMITTED", "0%"});
  if (wish.ending == "MODAL") {
    script.steps.push_back(Step{milliseconds(500), "MODAL", ""});
    return script;
  }
  auto start = milliseconds(static_cast<std::int64_t>(draw(random, 0, 3600)));
  auto end = start + milliseconds(static_cast<std::int64_t>(draw_work(wish.action, random) * 1000));
  if (wish.duration) {
    start = std::min(start, *wish.duration / 10);
    end = *wish.duration;
  }
  script.steps.push_back(Step{start, "IN_PROGRESS", "0%"});
  add_ending(script, wish, start, end, random);
  return script;
}

void wait_for_modal(Script& script, milliseconds how_long) {
  if (script.steps.size() < 2) return;
  const auto begin = script.steps[1].at;
  for (std::size_t i = 1; i < script.steps.size(); ++i) script.steps[i].at += how_long;
  script.steps.insert(script.steps.begin() + 1, Step{begin, "MODAL", ""});
}

void stall_at_93(Script& script, milliseconds how_long) {
  bool after = false;
  for (auto& step : script.steps) {
    if (after) step.at += how_long;
    after = after || step.progress == "93%";
  }
}

}  // namespace mjwatchd::standin
