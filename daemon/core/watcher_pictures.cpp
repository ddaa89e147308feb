#include <algorithm>
#include <cassert>
#include <utility>

#include "daemon/core/watcher_impl.hpp"

namespace mjwatchd {
namespace {
using namespace std::chrono_literals;
constexpr milliseconds kFirstWait = 1s;
constexpr milliseconds kLongestWait = 60s;      ///< while the announcement waits
constexpr milliseconds kLongestQuietWait = 1h;  ///< after it
constexpr milliseconds kQuietFor = 24h;
constexpr std::size_t kMostSaves = 256;  ///< under way at once; the rest waits here, nearest deadline first
}  // namespace

Time Watcher::Impl::give_up_at(const Task& task) const { return task.pictures()->success + settings_.images.give_up; }

Time Watcher::Impl::quiet_end(const Task& task) const {
  const PictureState& pictures = *task.pictures();
  const WallTime day = pictures.success_at + kQuietFor;
  const WallTime end = std::clamp(pictures.link_expires_at.value_or(day), pictures.success_at, day);
  return pictures.success + (end - pictures.success_at);
}

void Watcher::Impl::begin_pictures(const Ref& ref) {
  Task& task = task_of(ref);
  task.begin_pictures();
  task.pictures()->next = now_.steady;
  task.pictures()->success = now_.steady;
  task.pictures()->success_at = now_.wall;
}

/// A task after SUCCESS whose deadline has come: the end of patience, or the next attempt.
void Watcher::Impl::tend_pictures(const Ref& ref) {
  Task& task = task_of(ref);
  PictureState& pictures = *task.pictures();
  const Time now = now_.steady;
  if (task.phase == Phase::saving && now >= give_up_at(task)) {
    ImageResult none;
    none.error = pictures.error.empty() ? "not saved in time" : pictures.error;
    return announce_success(ref, Phase::late, std::move(none));
  }
  if (task.phase == Phase::late && !pictures.queued && now >= quiet_end(task)) {
    return announce_success(ref, Phase::done, {});
  }
  if (pictures.queued || now < pictures.next) return;
  pictures.queued = true;
  WallTime end = pictures.success_at + (task.phase == Phase::saving ? settings_.images.give_up : kQuietFor);
  if (pictures.link_expires_at) end = std::min(end, *pictures.link_expires_at);
  save_queue_.insert({end, ref.poller->name(), ref.slot, ref.generation});
}

void Watcher::Impl::save_pictures() {
  while (!save_queue_.empty() && saves_.size() < kMostSaves) {
    const SaveWish wish = *save_queue_.begin();
    save_queue_.erase(save_queue_.begin());
    const Ref ref{&poller(wish.gateway), wish.slot, wish.generation};
    if (!alive(ref)) continue;
    Task& task = task_of(ref);
    if (!ref.poller->configured()) {  // tried again when its gateway is back
      task.pictures()->queued = false;
      arm(ref);
      continue;
    }
    const milliseconds wait = std::min(std::max(task.pictures()->wait * 2, kFirstWait), kLongestWait);
    const bool last = task.phase != Phase::saving || now_.steady + wait >= give_up_at(task);
    // One of the same name, deleted since, may still be under way: its answer starts this one.
    if (!saves_.emplace(key_of(ref), ref.generation).second) continue;
    out_->emplace_back(action::SaveImage{key_of(ref), wish.deadline, last});
  }
}

void Watcher::Impl::hear(const event::ImageSaved& event) {
  const auto found = saves_.find(event.key);
  if (found == saves_.end()) return;
  const Generation generation = found->second;
  saves_.erase(found);
  const auto ref = find(event.key);
  if (!ref || !task_of(*ref).pictures()) return;  // deleted meanwhile
  if (ref->generation != generation) {            // and registered anew: the answer was to the one before
    task_of(*ref).pictures()->queued = false;
    return arm(*ref);
  }
  pictures_came(*ref, event.verdict, event.result);
  if (alive(*ref)) arm(*ref);
}

void Watcher::Impl::hear(const event::SavingResumed&) {
  for (Poller* const poller : numbered_) {
    poller->tasks().each([&](TaskSlot slot) {
      Task& task = poller->tasks()[slot];
      if (!task.pictures()) return;
      task.pictures()->next = now_.steady;
      task.pictures()->wait = {};  // what it waited for has passed
      arm({poller, slot, task.generation});
    });
  }
}

void Watcher::Impl::pictures_came(const Ref& ref, SaveVerdict verdict, const ImageResult& result) {
  Task& task = task_of(ref);
  PictureState& pictures = *task.pictures();
  pictures.queued = false;
  pictures.wait =
      std::min(std::max(pictures.wait * 2, kFirstWait), task.phase == Phase::saving ? kLongestWait : kLongestQuietWait);
  pictures.next = now_.steady + pictures.wait;
  if (result.error) pictures.error = *result.error;
  if (task.place ==
      TaskPlace::settling) {  // its lateness is being committed: the next attempt finds the files in place
    pictures.next = now_.steady;
    return;
  }
  if (task.phase != Phase::saving) return pictures_late(ref, verdict, result);
  switch (verdict) {
    case SaveVerdict::saved:
    case SaveVerdict::none:
      return announce_success(ref, Phase::done, result);
    case SaveVerdict::gone: {
      ImageResult lost = result;
      if (!lost.error) lost.error = "no picture can be had";
      return announce_success(ref, Phase::done, std::move(lost));
    }
    case SaveVerdict::try_again:
      return;
  }
}

void Watcher::Impl::announce_success(const Ref& ref, Phase phase, ImageResult images) {
  const Task& task = task_of(ref);
  assert(task.status == Status::success);
  auto& change = new_change<change::Task>();
  change.key = key_of(ref);
  change.phase = phase;
  change.ending = Ending::succeeded;
  change.at = now_.wall;
  if (task.phase == Phase::saving) {
    change.events = {EventType::succeeded};
    change.images = std::move(images);
  }
  change_task(ref, change, std::nullopt);
}

/// Success was announced without pictures: what comes now is news only if it is a picture.
void Watcher::Impl::pictures_late(const Ref& ref, SaveVerdict verdict, const ImageResult& result) {
  Task& task = task_of(ref);
  if (verdict == SaveVerdict::try_again) {
    if (task.pictures()->on_request) drop(ref);
    return;
  }
  if (verdict == SaveVerdict::gone && task.pictures()->on_request) return drop(ref);
  auto& change = new_change<change::Task>();
  change.key = key_of(ref);
  change.phase = Phase::done;
  change.ending = Ending::succeeded;
  change.at = now_.wall;
  if (verdict != SaveVerdict::gone) change.images = result;
  if (verdict == SaveVerdict::saved) change.events = {EventType::images};
  change_task(ref, change, std::nullopt);
}

}  // namespace mjwatchd
