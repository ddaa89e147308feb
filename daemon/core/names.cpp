#include "mjwatchd/names.hpp"

#include <array>
#include <cassert>
#include <cstddef>

namespace mjwatchd {
namespace {

// Each table is in the order of its enumeration.
constexpr std::array<std::string_view, 8> kStatuses{"UNKNOWN",     "NOT_START", "SUBMITTED", "MODAL",
                                                    "IN_PROGRESS", "SUCCESS",   "FAILURE",   "CANCEL"};
constexpr std::array<std::string_view, 4> kPhases{"watching", "saving", "late", "done"};
constexpr std::array<std::string_view, 6> kEndings{"none", "succeeded", "failed", "cancelled", "expired", "lost"};
constexpr std::array<std::string_view, 11> kEventTypes{
    "task.started",   "task.progress", "task.modal",   "task.images", "task.succeeded", "task.failed",
    "task.cancelled", "task.stalled",  "task.expired", "task.lost",   "webhook.test"};
constexpr std::array<std::string_view, 4> kSaveModes{"image", "all", "video", "none"};
constexpr std::array<std::string_view, 3> kFormats{"standard", "cloudevents", "notify-hook"};
constexpr std::array<std::string_view, 5> kDeliveryStates{"pending", "delivered", "held", "dead", "superseded"};
constexpr std::array<std::string_view, 10> kFaults{
    "", "dns", "connect", "tls", "timeout", "broken", "refused_address", "invalid", "proxy", "cancelled"};

template <typename Enum, std::size_t N>
std::string_view word(const std::array<std::string_view, N>& table, Enum value) {
  assert(static_cast<std::size_t>(value) < N);
  return table[static_cast<std::size_t>(value)];
}

template <typename Enum, std::size_t N>
std::optional<Enum> find(const std::array<std::string_view, N>& table, std::string_view word) {
  for (std::size_t i = 0; i < N; ++i) {
    if (table[i] == word) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view name(Status status) { return word(kStatuses, status); }
std::string_view name(Phase phase) { return word(kPhases, phase); }
std::string_view name(Ending ending) { return word(kEndings, ending); }
std::string_view name(EventType type) { return word(kEventTypes, type); }
std::string_view name(SaveMode mode) { return word(kSaveModes, mode); }
std::string_view name(BodyFormat format) { return word(kFormats, format); }
std::string_view name(DeliveryState state) { return word(kDeliveryStates, state); }
std::string_view name(SendFault fault) { return word(kFaults, fault); }

std::optional<Status> parse_status(std::string_view w) { return find<Status>(kStatuses, w); }
std::optional<Ending> parse_ending(std::string_view w) { return find<Ending>(kEndings, w); }
std::optional<EventType> parse_event_type(std::string_view w) { return find<EventType>(kEventTypes, w); }
std::optional<SaveMode> parse_save_mode(std::string_view w) { return find<SaveMode>(kSaveModes, w); }
std::optional<BodyFormat> parse_body_format(std::string_view w) { return find<BodyFormat>(kFormats, w); }
std::optional<DeliveryState> parse_delivery_state(std::string_view w) {
  return find<DeliveryState>(kDeliveryStates, w);
}

EventType event_of(Ending ending) {
  switch (ending) {
    case Ending::succeeded:
      return EventType::succeeded;
    case Ending::failed:
      return EventType::failed;
    case Ending::cancelled:
      return EventType::cancelled;
    case Ending::expired:
      return EventType::expired;
    case Ending::lost:
      return EventType::lost;
    case Ending::none:
      break;
  }
  assert(!"an ending without an event");
  return EventType::lost;
}

}  // namespace mjwatchd
