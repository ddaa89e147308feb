#include "daemon/images/disk_pause.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace mjwatchd::images {

namespace {
constexpr std::uint64_t kLeast = 1U << 20;
// A picture for which there is no room must not keep out all that are much smaller.
constexpr std::uint64_t kMost = 32U << 20;
}  // namespace

DiskPause::DiskPause(asio::io_context& io, FileWorker& worker, const PictureFolder& folder, milliseconds look_again,
                     std::function<void()> resumed)
    : worker_(worker), folder_(folder), look_again_(look_again), resumed_(std::move(resumed)), timer_(io) {}

void DiskPause::suspect(std::uint64_t size) {
  size_ = std::clamp(size, std::max(size_, kLeast), kMost);
  if (!std::exchange(looking_, true)) look();
}

void DiskPause::look() {
  auto trouble = std::make_shared<std::string>();
  auto work = [&folder = folder_, size = size_, trouble] {
    try {
      folder.try_out(size);
    } catch (const DiskTrouble& found) {
      *trouble = found.text;
    } catch (const std::exception& failure) {
      *trouble = failure.what();
    }
  };
  if (!worker_.post(std::move(work), [this, trouble] { looked(*trouble); })) look_later();
}

void DiskPause::looked(const std::string& trouble) {
  if (!trouble.empty()) {
    if (reason_.empty()) spdlog::warn("saving pictures is paused: {}", trouble);
    reason_ = trouble;
    return look_later();
  }
  looking_ = false;
  size_ = 0;
  if (std::exchange(reason_, {}).empty()) return;
  spdlog::info("pictures can be saved again in {}", folder_.path);
  if (resumed_) resumed_();
}

void DiskPause::look_later() {
  timer_.expires_after(look_again_);
  timer_.async_wait([this, alive = std::weak_ptr<bool>(alive_)](const asio::error_code& error) {
    if (!error && !alive.expired()) look();
  });
}

}  // namespace mjwatchd::images
