#include "tests/sim/sharing.hpp"

#include <algorithm>

#include "tests/sim/dice.hpp"

namespace mjwatchd::sim {
namespace {
using namespace std::chrono_literals;

Span draw_span(Dice& dice, milliseconds end) {
  const milliseconds from = dice.between(0ms, end);
  // Shorter than a lease, about as long, and longer.
  const milliseconds longest = dice.pick(std::vector<milliseconds>{4s, 8s, 20s, 3min});
  return {from, std::min(end, from + dice.between(100ms, longest))};
}

}  // namespace

Sharing draw_sharing(const Scenario& scenario) {
  Dice dice(scenario.seed ^ 0x5a4eU);
  Sharing sharing;
  sharing.daemons.resize(static_cast<std::size_t>(dice.between(2, 4)));
  if (dice.chance(60)) sharing.crashes = dice.pick(std::vector<double>{0.02, 0.1, 0.5});
  for (DaemonPlan& daemon : sharing.daemons) {
    if (&daemon != &sharing.daemons.front() && dice.chance(50)) daemon.comes = dice.between(0ms, scenario.calm_at);
    for (auto n = dice.chance(60) ? dice.between(1, 6) : 0; n > 0; --n) {
      daemon.pauses.push_back(draw_span(dice, scenario.calm_at));
    }
    for (auto n = dice.chance(60) ? dice.between(1, 12) : 0; n > 0; --n) {
      daemon.cuts.push_back(draw_span(dice, scenario.calm_at));
    }
    if (dice.chance(25)) daemon.slow_database = 5;
  }
  return sharing;
}

const std::vector<SharingFaultFacts>& sharing_faults() {
  using Fault = SharingFault;
  static const std::vector<SharingFaultFacts> all{
      {Fault::no_fence, "no-fence", "a daemon writes what it no longer holds", 20},
      {Fault::fence_by_daemon, "fence-by-daemon", "what was decided under one lease is written under the next", 200},
      {Fault::lease_for_ever, "lease-for-ever", "a dead daemon's leases never run out", 20},
      {Fault::lapse_unheeded, "lapse-unheeded", "a daemon that was out of touch goes on as before", 20},
      {Fault::sends_without_lease, "sends-without-lease", "an attempt is made after a pause, unasked", 200},
      {Fault::release_lost, "release-lost", "a lease is given up, and the core not told", 20},
      {Fault::deliveries_stay, "deliveries-stay", "a task is given up without its deliveries", 20},
      {Fault::deliveries_left, "deliveries-left", "a task is taken over without its deliveries", 20},
      {Fault::share_unheard, "share-unheard", "a gateway's budget is not divided", 60},
      {Fault::newcomer_spends, "newcomer-spends", "a newcomer spends as if it were alone", 200},
      {Fault::deletion_untold, "deletion-untold", "a task deleted elsewhere is asked for further on", 40},
      {Fault::new_delivery_untold, "new-delivery-untold", "a replay elsewhere is not told to the task's holder", 40},
      {Fault::doubt_repeated, "doubt-repeated", "a transaction in doubt is made once more", 40},
      {Fault::news_lost_by_cut, "news-lost-by-cut", "what happened while it was cut off stays unknown", 400},
  };
  return all;
}

}  // namespace mjwatchd::sim
