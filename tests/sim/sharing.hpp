// What several simulated daemons go through, and the mistakes that may be made in it on purpose.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "tests/sim/scenario.hpp"

namespace mjwatchd::sim {

struct DaemonPlan {
  milliseconds comes{};      ///< first started then
  std::vector<Span> pauses;  ///< stopped as by SIGSTOP, and continued
  std::vector<Span> cuts;    ///< cut off from the database
  double slow_database = 0;  ///< of a hundred transactions, so many take seconds
  std::optional<milliseconds> dies{};
};

/// Beside a scenario: which daemons there are.
struct Sharing {
  std::vector<DaemonPlan> daemons;
  double crashes = 0;  ///< of a hundred steps of each
};

[[nodiscard]] Sharing draw_sharing(const Scenario& scenario);

/// A mistake that daemons could make who share a watch list, or their store.
enum class SharingFault : std::uint8_t {
  none,
  no_fence,
  fence_by_daemon,
  lease_for_ever,
  lapse_unheeded,
  sends_without_lease,
  release_lost,
  deliveries_stay,
  deliveries_left,
  share_unheard,
  newcomer_spends,
  deletion_untold,
  new_delivery_untold,
  doubt_repeated,
  news_lost_by_cut,
};

struct SharingFaultFacts {
  SharingFault fault;
  std::string_view name;
  std::string_view what;
  std::uint64_t seeds;  ///< it is caught within so many
};
/// All of them but none.
[[nodiscard]] const std::vector<SharingFaultFacts>& sharing_faults();

}  // namespace mjwatchd::sim
