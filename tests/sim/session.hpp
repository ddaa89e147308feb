// One simulated daemon's side of the shared database.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "mjwatchd/change.hpp"
#include "mjwatchd/event.hpp"
#include "tests/sim/clockwork.hpp"
#include "tests/sim/database.hpp"
#include "tests/sim/dice.hpp"
#include "tests/sim/scenario.hpp"

namespace mjwatchd::sim {

/// What a store does for one life of a daemon: commits in groups, gives signs of life, takes and gives up leases, and
/// tells the core of it. Its changes name the lease under which they were given.
class Session {
 public:
  using Done = std::function<void(CommitResult)>;
  using Page = std::function<void(std::vector<Event>)>;

  /// All must outlive it. `page` is called for as long as the session lives, an empty one once all is taken up
  /// that was there to begin with.
  Session(SessionNo number, const Scenario& scenario, const DaemonPlan& plan, Clockwork& clock, Findings& findings,
          Database& database, Page page);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] SessionNo number() const { return number_; }
  void commit(Change change, Done done);
  /// As TaskStore::lapsed().
  [[nodiscard]] std::vector<Event> lapsed();
  /// As Outgoing::ours.
  [[nodiscard]] bool may_send(const DeliveryRecord& record) const;
  /// Writes what waits and hands everything over.
  void close();
  /// Stopped as by SIGSTOP: it does nothing by itself until then.
  void pause_until(milliseconds when) { paused_until_ = well_since_ = when; }
  void calm() { calm_ = true; }
  [[nodiscard]] bool idle() const { return queue_.empty() && !busy_; }
  [[nodiscard]] bool well() const { return !cut() && clock_.now() >= paused_until_ && clock_.now() < good_until_; }
  [[nodiscard]] milliseconds well_since() const { return well_since_; }
  [[nodiscard]] std::size_t held() const { return held_.size(); }
  [[nodiscard]] bool taken_up() const { return taken_up_; }
  /// It dies; what was on its way to the database may be there by then.
  void crash();

  // What the database tells: at once of the writer's own, else by a notice that a cut may lose.
  void took(Unit unit, std::uint64_t lease, const TaskKey& key);
  [[nodiscard]] bool holds(Unit unit) const { return held_.contains(unit); }
  void deleted(Unit unit);
  void hear(Event event);

 private:
  struct Held {
    std::uint64_t lease = 0;
    TaskKey key;  ///< empty when there is no task (any more), only deliveries
  };
  struct Waiting {
    std::optional<Change> change;  ///< nothing: the lease is given up
    Done done;
    Unit unit = 0;
    std::uint64_t lease = 0;
  };

  void after(milliseconds wait, std::function<void()> what);
  [[nodiscard]] milliseconds takes();
  [[nodiscard]] bool cut() const;

  void start();
  void finish(std::vector<Waiting> group);
  void write(std::vector<Waiting> group, bool answers);
  void in_doubt(std::vector<Waiting> group);

  void beat();
  void beaten(milliseconds began);
  void look_again(std::vector<Event>& out);
  void hear_share(std::vector<Event>& out);
  [[nodiscard]] bool balance(std::vector<Event>& out);
  void give_some(std::size_t most, std::vector<Event>& out);
  void let_all_go(std::vector<Event>& out);
  void take_up(Unit unit, std::vector<Event>& out);
  void take_up_the_rest(std::vector<Event>& out);
  void tell(std::vector<Event> events);

  SessionNo number_;
  const Scenario& scenario_;
  const DaemonPlan& plan_;
  Clockwork& clock_;
  Findings& findings_;
  Database& database_;
  Page page_;
  Dice dice_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  std::vector<Waiting> queue_;
  std::vector<Waiting> flying_;  ///< the group whose transaction is under way
  bool busy_ = false, calm_ = false, taken_up_ = false, was_cut_ = false;
  milliseconds paused_until_{}, good_until_{}, well_since_{};
  std::map<Unit, Held> held_;  ///< as the core was told
  std::optional<unsigned> share_;
  std::uint64_t lapses_ = 0;
  std::vector<Event> untold_;  ///< let go, and on its way to the core
};

}  // namespace mjwatchd::sim
