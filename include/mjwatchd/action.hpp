// All the core may ask for. The shell carries actions out in their order, and answers each but
// Answer, Announce and Warn with the event named beside it, exactly once.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "mjwatchd/event.hpp"

namespace mjwatchd {

namespace action {

/// Make it durable → event::Persisted.
struct Persist {
  ChangeNo no = 0;
  Change change;

  Persist() = default;
  Persist(ChangeNo number, Change what) : no(number), change(std::move(what)) {}
  /// A change of that kind, to be filled in where it is: changes are large.
  template <typename Kind>
  explicit Persist(std::in_place_type_t<Kind> kind) : change(kind) {}
};
/// POST list-by-condition → event::BatchFetched.
struct FetchBatch {
  CallNo call = 0;
  std::string gateway;
  std::vector<std::string> ids;  ///< distinct, 1 … batch
};
/// GET task/{id}/fetch → event::BatchFetched.
struct FetchOne {
  CallNo call = 0;
  TaskKey key;
};
/// Fetch, verify and put in place what the task's stored object points to → event::ImageSaved.
struct SaveImage {
  TaskKey key;
  WallTime deadline{};  ///< the links' expiry, or the end of patience: the nearest goes first
  bool last_chance = false;
};
/// POST the stored body → event::Sent.
struct Send {
  DeliveryNo delivery = 0;
};
/// Tell the client what became of its wish. Follows the commit, never precedes it.
struct Answer {
  Ticket ticket = 0;
  CommitResult result;
};
/// Tell those who listen (event streams, waiting clients) what was committed.
struct Announce {
  std::vector<CommittedEvent> events;
};
/// Something people should read in the log.
struct Warn {
  std::string gateway{};   ///< that it is about, or empty
  std::string endpoint{};  ///< that it is about, or empty
  std::string text{};
};

}  // namespace action

using Action = std::variant<action::Persist, action::FetchBatch, action::FetchOne, action::SaveImage, action::Send,
                            action::Answer, action::Announce, action::Warn>;
using Actions = std::vector<Action>;

}  // namespace mjwatchd
