// Whether the daemon's own parts move.
#include <fmt/format.h>

#include "daemon/os/log.hpp"
#include "daemon/os/memory.hpp"
#include "daemon/runtime_impl.hpp"

namespace mjwatchd {
namespace {

using Clock = std::chrono::steady_clock;

// A healthy disk needs milliseconds for a transaction or one file's sync; a crowded network disk was seen to need
// seconds. Together with the beat, each stall shows within 30 s.
constexpr std::chrono::seconds kStuck{15}, kStuckFile{20};
constexpr std::chrono::seconds kLate{10};  ///< a loop that is so late for its timers serves nobody well
constexpr std::chrono::seconds kBeat{1};
constexpr unsigned kBeatsAProbe = 5, kBeatsATending = 10;
/// Long enough for repeated lines to be summed up in the log (a minute), and for the last minute to be in the plots.
constexpr std::chrono::seconds kRestAfter{90};

bool older(const std::optional<Clock::time_point>& since, std::chrono::seconds limit) {
  return since && Clock::now() - *since > limit;
}

long long seconds_of(Clock::duration time) { return std::chrono::duration_cast<std::chrono::seconds>(time).count(); }

}  // namespace

// Looks once a second at how late the loop is, and every few seconds whether the store can be read: a stall shows
// though nobody asks anything of it. A daemon that has nothing to do rests instead, and lets the machine sleep.
void Runtime::Impl::beat() {
  const auto due = Clock::now() + kBeat;
  beat_timer_.expires_at(due);
  beat_timer_.async_wait([this, due](const std::error_code& cancelled) {
    if (cancelled || ended_) return;
    lag_ = Clock::now() - due;
    observations_.lagged(lag_);
    if (!client_.forgets_time()) {
      exchanges_still_since_.reset();
    } else if (!exchanges_still_since_) {
      exchanges_still_since_ = Clock::now();
    }
    if (beats_ % kBeatsAProbe == 0) probe();
    if (beats_++ % kBeatsATending == 0) os::tend_log();
    remember();
    if (nothing_to_do()) return rest();
    beat();
  });
}

bool Runtime::Impl::nothing_to_do() {
  const auto moment = Clock::now();
  if (!ready_ || watcher_->next_wakeup() != kNever || !inbox_.empty() || commits_ > 0) busy_at_ = moment;
  return pulse_.idle() && moment - busy_at_ > kRestAfter;
}

void Runtime::Impl::rest() {
  lag_ = {};
  exchanges_still_since_.reset();
  resting_ = true;
  os::give_memory_back();
}

void Runtime::Impl::stir() {
  busy_at_ = Clock::now();
  if (!resting_ || ended_) return;
  resting_ = false;
  probe();
  beat();
}

// A minute after the other, for the page's plots of the last day; and what the last one needed goes back.
void Runtime::Impl::remember() {
  if (Clock::now() < remember_at_) return;
  remember_at_ = Clock::now() + page::History::kStep;
  history_.take(now().wall, watcher_->gateways());
  os::give_memory_back();
}

void Runtime::Impl::probe() {
  images_->look_at_room();
  if (pulse_.oldest(Pulse::Part::read, Clock::now())) return;  // one is enough to show that nothing comes back
  const auto ticket = pulse_.begin(Pulse::Part::read, Clock::now());
  store_->counts([this, ticket](const StoreCounts& counts) {
    pulse_.end(Pulse::Part::read, ticket, Clock::now());
    if (!counts.unread) counts_ = counts;
  });
}

void Runtime::Impl::add_own_troubles(std::vector<control::Trouble>& out) const {
  const auto moment = Clock::now();
  const auto stuck = [&](Pulse::Part part) { return pulse_.stuck(part, moment); };
  const auto add = [&](const char* part, std::string text) { out.push_back({part, std::move(text), true}); };
  if (lag_ > kLate) {
    add("loop", fmt::format("it is {} s behind: too much is asked of this machine", seconds_of(lag_)));
  } else if (const Time due = watcher_->next_wakeup();
             ready_ && !stopping_ && due > Time::min() && due != kNever && now().steady - due > kStuck) {
    add("loop", "work is due and is not begun: please report this, and restart");
  }
  if (const auto broken = store_->broken(); !broken.empty()) {
    add("store", broken + "; nothing is written any more: check the disk, then restart");
  } else if (const auto away = store_->away(); !away.empty()) {  // nothing that a restart would mend
    out.push_back({"store", "it can't be reached, and all waits for it: " + away, false});
  } else if (older(store_->busy_since(), kStuck) || stuck(Pulse::Part::commit)) {
    add("store", "a commit hangs: the disk does not answer");
  } else if (stuck(Pulse::Part::read)) {
    add("store", "reading hangs: the disk does not answer");
  }
  if (images_hang()) add("files", "writing a picture hangs: the disk does not answer");
  judge_exchanges("sender", Pulse::Part::send, out);
  judge_exchanges("polling", Pulse::Part::call, out);
}

// One that outlives its limit shows then; when none moves any more, that shows whatever their limits are.
void Runtime::Impl::judge_exchanges(const char* name, Pulse::Part part, std::vector<control::Trouble>& out) const {
  const auto moment = Clock::now();
  if (const auto since = pulse_.stuck(part, moment)) {
    out.push_back({name,
                   fmt::format("an exchange has gone on for {} s, longer than it may: please report this, and restart",
                               seconds_of(*since)),
                   true});
  } else if (older(exchanges_still_since_, kStuck) && pulse_.oldest(part, moment)) {
    out.push_back({name,
                   fmt::format("no exchange has moved for {} s: please report this, and restart",
                               seconds_of(moment - *exchanges_still_since_)),
                   true});
  }
}

bool Runtime::Impl::images_hang() const {
  if (older(images_->disk_busy_since(), kStuckFile)) return true;
  for (const auto& former : former_images_) {
    if (older(former->disk_busy_since(), kStuckFile)) return true;
  }
  return false;
}

void Runtime::Impl::add_disk_troubles(std::vector<control::Trouble>& out) const {
  constexpr std::uint64_t kMiB = 1U << 20;
  const auto judge = [&](std::uint64_t free, const char* what) {
    if (free >= config_.images.keep_free) return false;
    out.push_back({"disk",
                   fmt::format("{} MiB are left where {} is, less than images.keep_free ({} MiB): free some space",
                               free / kMiB, what, config_.images.keep_free / kMiB),
                   false});
    return true;
  };
  const bool told = counts_.free_bytes && judge(*counts_.free_bytes, "state_dir");
  const auto& room = images_->room();
  if (room && !(told && room->device == state_device_)) judge(room->free_bytes, "images.directory");
}

}  // namespace mjwatchd
