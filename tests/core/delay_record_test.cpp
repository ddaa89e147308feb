#include "daemon/core/delay_record.hpp"

#include <doctest/doctest.h>

#include <functional>

#include "tests/core/watch.hpp"

using namespace mjwatchd;

TEST_CASE("delays are counted up to each bound, and their quantiles are right to some percent") {
  DelayRecord record;
  CHECK(record.view().mean_s() == 0);
  CHECK(record.view().p95_s == 0);
  for (int i = 1; i <= 1000; ++i) record.add(i / 100.0);  // 0.01 … 10 s
  const DetectionDelay view = record.view();
  CHECK(view.count == 1000);
  CHECK(view.mean_s() == doctest::Approx(5.005));
  CHECK(view.p50_s == doctest::Approx(5).epsilon(0.06));
  CHECK(view.p95_s == doctest::Approx(9.5).epsilon(0.06));
  CHECK(view.at_most == decltype(view.at_most){10, 20, 50, 100, 200, 500, 1000, 1000, 1000, 1000});
}

TEST_CASE("delays below all bounds and beyond them have their place") {
  DelayRecord record;
  record.add(-1);
  record.add(0);
  record.add(1e9);
  CHECK(record.view().count == 3);
  CHECK(record.view().at_most.front() == 2);
  CHECK(record.view().at_most.back() == 2);
  CHECK(record.view().p50_s < 0.002);
  CHECK(record.view().p95_s > 800);
}

namespace {
/// Watches a task that is seen running at its first look and ended at its second.
GatewayView after_ending(const std::function<WallTime(const Watch&)>& finish) {
  Watch w;
  w.tell({event::Adopted{w.record("a")}});
  w.answer(w.call());
  const auto call = w.call();
  w.clock += 200ms;
  Snapshot done = Watch::snapshot("a", Status::success);
  done.finished = finish(w);
  w.reply(call, FetchReply::Verdict::answered, {done});
  return w.view();
}
}  // namespace

TEST_CASE("a delay is measured from the end that the gateway tells, unless that contradicts what was seen") {
  const GatewayView told = after_ending([](const Watch& w) { return w.now().wall - 700ms; });
  CHECK(told.noticed == 1);
  CHECK(told.delay.count == 1);
  CHECK(told.delay.mean_s() == doctest::Approx(0.7));
  CHECK(after_ending([](const Watch& w) { return w.now().wall + 8h; }).delay.count == 0);
  CHECK(after_ending([](const Watch& w) { return w.now().wall - 8h; }).delay.count == 0);
}

TEST_CASE("batch fill is what was asked for in batches of what they could hold, once there was one") {
  Settings settings = Watch::defaults();
  settings.gateways["g"].batch = 4;
  Watch w(settings);
  CHECK_FALSE(w.view().batch_fill);
  w.tell({event::Adopted{w.record("a")}, event::Adopted{w.record("b")}, event::Adopted{w.record("c")}});
  w.answer(w.call());
  CHECK(*w.view().batch_fill == doctest::Approx(0.75));
}
