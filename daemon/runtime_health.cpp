#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdlib>

#include "daemon/runtime_impl.hpp"

namespace mjwatchd {
namespace {

constexpr std::chrono::minutes kPruneEvery{10};
constexpr std::size_t kPicturesAtOnce = 10;  ///< tasks; each of their files is read once more before it goes
// Together under ten seconds: long enough for most receivers to answer, short enough for a stop to
// end by itself before anyone loses patience.
constexpr std::chrono::seconds kGrace{8};
constexpr milliseconds kControlGrace{1000};

std::string why(const GatewayView& gateway) {
  if (gateway.state == "refused") return "it refuses the token: put the right one into its file and reload";
  if (gateway.state == "throttled") return "it says that it is asked too often; its wait is kept";
  return "it does not answer, and is probed until it does";
}

}  // namespace

std::vector<control::Trouble> Runtime::Impl::troubles() const {
  std::vector<control::Trouble> out;
  add_own_troubles(out);
  add_disk_troubles(out);
  if (const auto& paused = images_->paused(); !paused.empty()) {
    out.push_back({"pictures", "saving is paused and goes on by itself: " + paused, false});
  }
  for (const auto& gateway : watcher_->gateways()) {
    if (!gateway.configured) {
      out.push_back({"gateway:" + gateway.name, "it is gone from the configuration; its tasks are held", false});
    } else if (gateway.state != "up") {
      const auto last = gateway.last_error.empty() ? std::string() : " (" + gateway.last_error + ")";
      out.push_back({"gateway:" + gateway.name, why(gateway) + last, false});
    }
  }
  for (const auto& receiver : watcher_->outbox().receivers()) {
    // A URL that an app gave with its task is that app's affair; it shows among the endpoints.
    if (!has_endpoint(receiver.name)) continue;
    if (receiver.disabled) {
      out.push_back({"endpoint:" + receiver.name, "disabled: repair it, then enable it", false});
    } else if (receiver.breaker != "closed") {
      out.push_back({"endpoint:" + receiver.name, "it fails; it is tried again now and then", false});
    }
  }
  return out;
}

// systemd restarts a daemon that does not say this in time; so it is said only while work moves.
void Runtime::Impl::keep_alive() {
  const auto limit = notifier_.watchdog();
  if (!limit) return;
  bool moving = true;
  for (const auto& trouble : troubles()) {
    if (trouble.ours) moving = false;
  }
  if (moving) notifier_.alive();
  alive_timer_.expires_after(*limit / 3);
  alive_timer_.async_wait([this](const std::error_code& cancelled) {
    if (!cancelled) keep_alive();
  });
}

void Runtime::Impl::prune() {
  if (stopping_) return;
  const WallTime before = now().wall - config_.retain;
  if (config_.images.prune) return prune_pictures(before, 0);
  prune_tasks(before);
}

// Files first, then rows: after a crash between them the rows still tell of files that may be left.
void Runtime::Impl::prune_pictures(WallTime before, TaskNo after) {
  if (stopping_) return;
  TaskQuery query;
  query.ended_before = before;
  query.after = after;
  query.limit = kPicturesAtOnce;
  store_->tasks(std::move(query), [this, before](const Listing<TaskView>& tasks) {
    if (tasks.unread) return prune_later();
    if (tasks.empty()) return prune_tasks(before);
    std::vector<SavedImage> images;
    for (const TaskView& task : tasks) {
      images.insert(images.end(), task.images.images.begin(), task.images.images.end());
    }
    std::vector<std::string> digests;
    for (const SavedImage& image : images) digests.push_back(image.sha256);
    thumbnails_.forget(std::move(digests));
    prune_later();  // should a reload replace the picture store meanwhile, and its answer be lost
    images_->remove(std::move(images), [this, before, last = tasks.back().no](const std::string& error) {
      if (error.empty()) return prune_pictures(before, last);
      spdlog::warn("tasks older than watch.retain stay for now, since a picture of theirs does: {}", error);
    });
  });
}

void Runtime::Impl::prune_tasks(WallTime before) {
  if (stopping_) return;
  store_->prune(before, [this](std::size_t removed) {
    if (removed == 0) return prune_later();
    spdlog::debug("{} finished tasks were older than watch.retain and have gone", removed);
    prune();  // a bounded step; there may be more
  });
}

// Tasks that went at watch.store_max_size: their rows could not wait for their pictures.
void Runtime::Impl::remove_early(std::vector<SavedImage> saved) {
  if (stopping_ || !config_.images.prune) return;
  images_->remove(std::move(saved), [](const std::string& error) {
    if (!error.empty()) spdlog::warn("pictures of tasks that went early stay, and nobody knows of them: {}", error);
  });
}

void Runtime::Impl::prune_later() {
  prune_timer_.expires_after(kPruneEvery);
  prune_timer_.async_wait([this](const std::error_code& cancelled) {
    if (!cancelled) prune();
  });
}

// Deliveries under way may finish, for a receiver that did its work should not get it twice.
void Runtime::Impl::stop(int signal) {
  if (stopping_) {
    spdlog::warn("a second signal: ending at once");
    end();
    return;
  }
  stopping_ = true;
  spdlog::info("stopping ({}): {} webhooks are under way", signal == SIGINT ? "SIGINT" : "SIGTERM",
               sender_->in_flight());
  notifier_.stopping();
  control_->stop(kControlGrace);
  watcher_->stop();
  prune_timer_.cancel();
  end_timer_.expires_after(kGrace);
  end_timer_.async_wait([this](const std::error_code& cancelled) {
    if (cancelled || ended_) return;
    sender_->cancel_all();
    end_timer_.expires_after(kControlGrace);
    end_timer_.async_wait([this](const std::error_code& again) {
      if (!again) end();
    });
  });
  tell(event::Tick{});
}

void Runtime::Impl::try_to_end() {
  if (ended_ || sender_->in_flight() > 0 || commits_ > 0 || !inbox_.empty()) return;
  if (control_->connections() > 0) {  // an answer may be on its way out
    asio::steady_timer::duration soon = milliseconds(20);
    wakeup_.expires_after(soon);
    armed_ = kNever;
    wakeup_.async_wait([this](const std::error_code& cancelled) {
      if (!cancelled) tell(event::Tick{});
    });
    return;
  }
  end();
}

void Runtime::Impl::end() {
  if (ended_) return;
  ended_ = true;
  commit_gathered();
  store_->close();
  spdlog::info("stopped");
  io_.stop();
}

}  // namespace mjwatchd
