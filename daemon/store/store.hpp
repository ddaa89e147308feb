// A watch list as the runtime has it, whatever database it is in.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "daemon/store/rules.hpp"
#include "daemon/store/sharing.hpp"
#include "mjwatchd/event.hpp"
#include "mjwatchd/ports.hpp"

namespace mjwatchd::store {

/// What the core is asked for when a task is to be refreshed: an ended one is taken up again only for pictures that are
/// missing.
[[nodiscard]] inline event::RefreshAsked refresh_asked(TaskRecord record, bool pictures_missing) {
  event::RefreshAsked asked{record.key, std::nullopt};
  if (record.phase != Phase::done || pictures_missing) asked.record = std::move(record);
  return asked;
}

/// The answer to a question that could not be read: what an empty store would say, and that it is not that.
template <typename Answer>
[[nodiscard]] Answer unread() {
  Answer answer{};
  if constexpr (requires { answer.unread; }) answer.unread = true;
  return answer;
}

/// A delivery that is not to be sent now.
[[nodiscard]] inline Outgoing not_now() {
  Outgoing outgoing;
  outgoing.ours = false;
  return outgoing;
}

/// What the shell asks of the store besides what the core needs. Loop thread only.
class Store : public TaskStore {
 public:
  static constexpr std::size_t kFullAt = 10'000;  ///< changes that wait

  /// For changes from now on.
  virtual void reload(StoreRules rules) = 0;
  /// Changes that were asked for and are not answered.
  [[nodiscard]] virtual std::size_t waiting() const = 0;
  /// Since when the writer has been at one transaction; nothing while idle. Says whether the database hangs.
  [[nodiscard]] virtual std::optional<std::chrono::steady_clock::time_point> busy_since() const = 0;
  /// Why nothing is written any more; empty while all is well.
  [[nodiscard]] virtual std::string broken() const = 0;
  /// Why nothing can be read or written now, though it will be again by itself; empty while all is well.
  [[nodiscard]] virtual std::string away() const { return {}; }
  /// Where several daemons share the list: who they are, and what is ours.
  [[nodiscard]] virtual std::optional<Sharing> sharing() const { return std::nullopt; }
  /// A task is to be asked for now, or its missing pictures. `here` runs if it is this daemon's to do so; where several
  /// share the list, the one that holds the task is told.
  virtual void refresh(const TaskKey& key, bool pictures_missing, std::function<void()> here) {
    static_cast<void>(key), static_cast<void>(pictures_missing);
    here();
  }
};

}  // namespace mjwatchd::store
