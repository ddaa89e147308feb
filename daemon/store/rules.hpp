// What the store is told of the configuration.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "mjwatchd/change.hpp"

namespace mjwatchd::store {

/// What the store needs to know of a configured endpoint.
struct EndpointRules {
  EventMask events = 0;
  BodyFormat format = BodyFormat::standard;
};

/// The part of the configuration the writer works by; a reload replaces it as a whole.
struct StoreRules {
  std::map<std::string, EndpointRules> endpoints;  ///< by name
  std::vector<std::string> default_list;           ///< of a task that names no webhooks
  milliseconds expire_after = std::chrono::hours(24);
  SaveMode save = SaveMode::image;
  bool seed = false;
  std::uint64_t max_size = 4ULL << 30;  ///< bytes of the database
  /// Told, on the loop's thread, what was saved of finished tasks that went at max_size. May be empty.
  std::function<void(std::vector<SavedImage> saved)> relieved;
  /// Told, on the loop's thread, of the events that other daemons committed, in the order of their numbers. May be
  /// empty.
  std::function<void(const std::vector<CommittedEvent>& events)> heard;
  /// Told, there too, that nobody is told of those up to this one any more: they were committed before this daemon
  /// came, or, by another, while nobody was listening. May be empty.
  std::function<void(EventNo to)> untold;
  /// Whether anybody would be told by `heard`; what nobody listens to is not even read. Any thread. Empty: always.
  std::function<bool()> listening;
};

}  // namespace mjwatchd::store
