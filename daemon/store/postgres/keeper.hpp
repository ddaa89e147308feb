// The thread that keeps this daemon's place among those of the watch list.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "daemon/os/descriptor.hpp"
#include "daemon/store/loop.hpp"
#include "daemon/store/postgres/connection.hpp"
#include "daemon/store/postgres/standing.hpp"
#include "mjwatchd/change.hpp"

namespace mjwatchd::store::postgres {

/// Joins, renews the lease, removes daemons whose lease has run out, takes what nobody holds and gives up what is
/// more than this one's share, and listens to what the others call. What comes and goes is told by pages of events on
/// the loop's thread, and what others committed by `heard`. `loop` and `standing` must outlive it.
class Keeper {
 public:
  struct Options {
    Address address;
    std::string name;
    milliseconds lease{15'000};
    std::function<bool()> listening;      ///< StoreRules::listening
    std::function<void(EventNo)> untold;  ///< StoreRules::untold
  };
  using Page = std::function<void(std::vector<Event>)>;
  using Heard = std::function<void(std::vector<CommittedEvent>)>;
  /// Since when nothing that was given to the writer earlier is still to be written.
  using Settled = std::function<Clock::time_point()>;

  /// Connects and joins. Throws PostgresError.
  Keeper(Loop& loop, Options options, Standing& standing, Settled settled, Heard heard);
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  /// Everything this daemon takes up at its start, then an empty page, then what comes and goes. `page` runs on the
  /// loop's thread.
  void begin(Page page);
  /// Ends the thread, and gives up the place: others may go on at once. Blocking; may be called again.
  void close();

 private:
  void run();
  void connect();
  void join();
  void beat();
  [[nodiscard]] bool renew();
  void remove_the_dead();
  [[nodiscard]] std::vector<Member> read_members();
  void leave();
  void wait();
  void hear(const std::string& note);

  void balance();
  [[nodiscard]] bool even();
  struct Shares;
  [[nodiscard]] Shares look();
  void take(std::size_t most, const Value& free);
  void take_waiting(Array& tasks, std::vector<Event>& page);
  void take_done();
  void take_alone();
  void give_up(std::size_t count);
  void go_on_giving_up();
  void tell_given_up();
  void clear_given_up();
  void forget_settled();
  void compact_counters();

  void first_pages();
  void share(unsigned daemons);
  void events_since();
  [[nodiscard]] bool skip_events();
  void leave_untold(EventNo to);
  void look_again();
  void tell_receivers();
  void tell_deliveries(Rows rows);
  void task_gone(TaskNo task);
  void deliveries_came(const std::string& numbers);
  void refresh_wanted(TaskNo task, bool pictures);
  void receiver_changed(const std::string& name);
  void tell(std::vector<Event> page);
  void flow();
  [[nodiscard]] bool ending();

  Loop& loop_;
  const Options options_;
  Standing& standing_;
  const Settled settled_;
  const Heard heard_;
  Page page_;  ///< loop's thread, after begin()

  // The keeper's own.
  std::unique_ptr<Connection> db_;
  std::vector<std::pair<DaemonNo, bool>> members_;  ///< and whether each counts yet
  bool counts_ = false;                             ///< as one of those that share the tasks; a newcomer does not yet
  bool first_pages_told_ = false;
  bool balance_wanted_ = true;
  std::optional<unsigned> shared_;  ///< as was told last
  Clock::time_point beat_at_{}, look_at_{}, balance_at_{}, tidy_at_{}, count_at_{};
  std::optional<EventNo> heard_to_;

  /// What is more than our share, on its way to the others. Waits, before it is told, until what was asked of the
  /// writer before is answered, so that the core knows what it lets go of; and, before others may have it, until what
  /// the core had decided about it is written.
  struct Surplus {
    enum class Stage { none, chosen, told, heard } stage = Stage::none;
    std::vector<TaskNo> tasks;
    Clock::time_point since{};
  };
  Surplus surplus_;

  struct Handled {  ///< pages that the loop has taken in
    std::mutex mutex;
    std::condition_variable wake;
    std::size_t waiting = 0;
    std::optional<Clock::time_point> let_go_at;  ///< what is given up now
  };
  std::shared_ptr<Handled> handled_ = std::make_shared<Handled>();
  os::Descriptor call_;  ///< an eventfd: begin() and close() wake the thread by it
  std::atomic<bool> begun_{false}, closing_{false};
  std::thread thread_;
};

}  // namespace mjwatchd::store::postgres
