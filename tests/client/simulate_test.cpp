#include "daemon/client/simulate.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

#include "daemon/client/simulate_plot.hpp"
#include "daemon/client/simulate_world.hpp"

using namespace mjwatchd;
using namespace mjwatchd::client;
using namespace std::chrono_literals;

namespace {

Trace trace_of(const std::string& text) {
  std::istringstream in(text);
  return read_trace(in, "trace");
}

std::string trouble_of(const std::string& text) {
  try {
    static_cast<void>(trace_of(text));
  } catch (const Trouble& trouble) {
    return trouble.what();
  }
  return {};
}

/// One task that is submitted at once and ends at that moment.
TraceTask task(const std::string& id, milliseconds submitted, milliseconds end) {
  return {id,
          "IMAGINE",
          submitted,
          {{0ms, Status::submitted, 0}, {1s, Status::in_progress, 0}, {end, Status::success, 100}}};
}

}  // namespace

TEST_CASE("a trace is read line by line, and what is wrong is named with its line") {
  const Trace trace = trace_of(
      R"({"id":"b","action":"UPSCALE","submit_ms":2000,"timeline":[[0,"SUBMITTED","0%"],[500,"IN_PROGRESS","15%"],[900,"SUCCESS","100%"]]})"
      "\n\n"
      R"({"id":"a","action":"IMAGINE","submit_ms":10,"timeline":[[0,"NOT_START",""],[700,"FAILURE",""]]})");
  REQUIRE(trace.size() == 2);
  CHECK(trace[0].id == "a");  // in order of submission
  CHECK(trace[1].action == "UPSCALE");
  CHECK(trace[1].started() == 2500ms);
  CHECK(trace[1].ended() == 2900ms);
  CHECK(trace[1].seen_at(1999ms) == nullptr);
  CHECK(trace[1].seen_at(2500ms)->progress == 15);
  CHECK(trace[1].seen_at(1h)->status == Status::success);
  CHECK_FALSE(trace[0].started());
  CHECK_FALSE(trace[0].seen_at(10ms)->progress);

  CHECK(trouble_of("") == "trace: has no tasks");
  CHECK(trouble_of("\nnonsense") == "trace:2: a JSON object was expected");
  CHECK(trouble_of(R"({"submit_ms":1})") == "trace:1: \"id\" is missing");
  CHECK(trouble_of(R"({"id":"a","submit_ms":-1})").find("\"submit_ms\" must be") != std::string::npos);
  CHECK(trouble_of(R"({"id":"a","submit_ms":1,"timeline":[]})").find("\"timeline\" must be") != std::string::npos);
  CHECK(trouble_of(R"({"id":"a","submit_ms":1,"timeline":[[5,"SUBMITTED"],[4,"SUCCESS"]]})").find("back in time") !=
        std::string::npos);
  CHECK(trouble_of(R"({"id":"a","submit_ms":1,"timeline":[[5,"SUCCESS"],[6,"SUCCESS"]]})").find("after the end") !=
        std::string::npos);
  const std::string twice = R"({"id":"a","submit_ms":1,"timeline":[[5,"SUCCESS"]]})";
  CHECK(trouble_of(twice + "\n" + twice) == "trace:2: a task \"a\" was there before");
}

TEST_CASE("a fixed interval asks for all that is live, a batch a call, at its multiples") {
  const Trace trace = {task("a", 500ms, 3s), task("b", 900ms, 9s), task("c", 1200ms, 9s)};
  // At 5 s: a, b, c in two calls, a ended at 3.5; at 10 s: b (9.9) and c (10.2, not yet); at 15 s: c.
  const Outcome outcome = poll_at_interval(trace, {2, 0ms}, 5s);
  CHECK(outcome.calls == 4);
  CHECK(outcome.delays == std::vector{100ms, 1500ms, 4800ms});
  CHECK(outcome.percentile(0.5) == 1.5);
  CHECK(outcome.percentile(1) == 4.8);
  CHECK(outcome.cost(3s) == doctest::Approx(6.4 / 3 + 3.0 * 4 / 3));
  // A reply is as of half-way, and is noticed when it comes.
  CHECK(poll_at_interval({task("a", 0ms, 4900ms)}, {2, 200ms}, 5s).delays == std::vector{300ms});
}

TEST_CASE("the interval of equal calls makes as many calls") {
  Trace trace;
  for (int i = 0; i < 200; ++i) trace.push_back(task(std::to_string(i), i * 700ms, 40s + (i % 17) * 1s));
  for (const milliseconds interval : {1s, 3s, 11s}) {
    const std::uint64_t calls = poll_at_interval(trace, {50, 0ms}, interval).calls;
    const milliseconds found = interval_of_equal_calls(trace, {50, 0ms}, calls);
    const auto made = static_cast<double>(poll_at_interval(trace, {50, 0ms}, found).calls);
    CHECK(made == doctest::Approx(static_cast<double>(calls)).epsilon(0.03));
  }
}

TEST_CASE("what never ends is dropped 20 minutes after its submission, and its calls count") {
  Trace trace = {task("a", 0ms, 30s)};
  trace.push_back({"b", "IMAGINE", 0ms, {{0ms, Status::submitted, 0}}});
  trace.push_back({"c", "IMAGINE", 0ms, {{0ms, Status::submitted, 0}, {21min, Status::success, 100}}});
  const Outcome fixed = poll_at_interval(trace, {50, 0ms}, 1min);
  CHECK(fixed.delays.size() == 1);
  CHECK(fixed.calls == 20);  // at 0, 1, … 19 minutes
  const Outcome ours = watch_trace(trace, {});
  CHECK(ours.tasks == 3);
  CHECK(ours.delays.size() == 1);
  CHECK(ours.calls >= 20);  // max_gap is a minute
}

TEST_CASE("the daemon's schedule notices every end, within max_gap, the same each time") {
  Trace trace;
  for (int i = 0; i < 100; ++i) trace.push_back(task(std::to_string(i), i * 900ms, 20s + (i % 23) * 2s));
  WatchTerms terms;
  const Outcome outcome = watch_trace(trace, terms);
  CHECK(outcome.delays.size() == 100);
  CHECK(outcome.delays.front() >= 0ms);
  CHECK(outcome.delays.back() <= 60s);
  CHECK(watch_trace(trace, terms).delays == outcome.delays);
  terms.call_cost = 30s;
  CHECK(watch_trace(trace, terms).calls < outcome.calls);
  terms.call_cost = 100ms;
  terms.max_calls_per_minute = 5;
  const Outcome bound = watch_trace(trace, terms);
  CHECK(bound.delays.size() == 100);
  CHECK(bound.calls <= 20);
  terms.call.latency = 500ms;
  CHECK(watch_trace(trace, terms).delays.front() >= 250ms);
}

TEST_CASE("a plot holds its lines, and nothing that a title could break out of") {
  const std::string svg =
      plot("<&\">", {{"ours", "#000", {{1, 2, "2s"}, {2, 1, {}}}}, {"empty", "#111", {{0, 0, {}}}}});
  CHECK(svg.starts_with("<svg "));
  CHECK(svg.ends_with("</svg>\n"));
  CHECK(svg.find("&lt;&amp;&quot;&gt;") != std::string::npos);
  CHECK(svg.find(">ours</text>") != std::string::npos);
  CHECK(svg.find(">2s</text>") != std::string::npos);
  CHECK(svg.find("empty") == std::string::npos);
  CHECK(svg.find("nan") == std::string::npos);
  CHECK(svg.find("inf") == std::string::npos);
}
