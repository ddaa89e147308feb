#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <random>

#include "daemon/os/log.hpp"
#include "daemon/runtime_impl.hpp"

namespace mjwatchd {

void Runtime::Impl::open_gateways(std::vector<std::pair<std::string, gateway::HttpGatewayOptions>> options) {
  auto before = std::exchange(gateways_, {});
  for (auto& [name, settings] : options) {
    if (auto known = before.extract(name)) {
      known.mapped()->reload(std::move(settings));
      gateways_.insert(std::move(known));
    } else {
      gateways_[name] = std::make_unique<gateway::HttpGateway>(client_, std::move(settings));
    }
  }
  for (auto& [name, gone] : before) former_gateways_.push_back(std::move(gone));
}

void Runtime::Impl::open_images(images::Options options) {
  for (auto& gateway : options.gateways) {
    auto* const door = gateways_.at(gateway.name).get();
    gateway.image_url = [door](const std::string& id) { return door->image_url(id); };
    gateway.auth_header = door->auth_header();
    gateway.gateway = door;
  }
  options.clock = [this] { return now().wall; };
  options.observe = [this](std::string_view outcome, std::uint64_t bytes, metrics::Seconds took) {
    observations_.downloaded(outcome, bytes, took);
  };
  options.resumed = [this] { tell(event::SavingResumed{}); };
  auto made = std::make_unique<images::DirectoryImageStore>(io_, client_, std::move(options));
  std::erase_if(former_images_, [](const auto& store) { return store->orders() == 0; });
  if (images_) former_images_.push_back(std::move(images_));
  images_ = std::move(made);
}

// Each step either throws before anything has changed, or cannot fail for a composition that was made.
void Runtime::Impl::reload() {
  if (stopping_) return;
  stir();
  notifier_.reloading();
  try {
    auto fresh = config::load(config_.file);
    std::random_device device;
    auto made = compose(fresh, device(), passed_listeners_);
    apply(std::move(fresh), std::move(made));
    refusal_.reset();
    spdlog::info("{} was read again and is in force", config_.file.string());
    notifier_.ready("The configuration was read again and is in force");
  } catch (const config::ConfigError& error) {
    refuse(error.lines);
  } catch (const std::exception& error) {
    refuse({error.what()});
  }
}

// Told where an administrator looks: in the log, in `systemctl status` and in our own status.
void Runtime::Impl::refuse(std::vector<std::string> mistakes) {
  for (auto& line : mistakes) {
    line = os::without_secrets(line);
    os::note(spdlog::level::err, {.folds = false}, line);
  }
  os::note(spdlog::level::err, {.folds = false}, "the configuration was not reloaded; the old one stays in force");
  refusal_ = control::RefusedReload{now().wall, std::move(mistakes)};
  notifier_.ready("The last reload was refused; the old configuration is in force");
}

void Runtime::Impl::apply(config::Config fresh, Composition made) {
  const auto fixed = [](const config::Config& config) {
    return std::tie(config.state_dir, config.store, config.store_password_file, config.lease, config.control.socket,
                    config.control.mode, config.control.listen, config.control.token_file, config.control.hosts);
  };
  if (fixed(fresh) != fixed(config_)) {
    spdlog::warn("state_dir, store, lease and control are read at the start only; restart the daemon to change them");
  }
  sender_->reload(std::move(made.sender));
  open_gateways(std::move(made.gateways));
  open_images(std::move(made.images));
  store_->reload(with_listeners(std::move(made.store)));
  webhook_policy_ = std::move(made.webhook_policy);
  if (fresh.log.level != config_.log.level) os::set_log_level(fresh.log.level);
  fresh.state_dir = config_.state_dir;
  fresh.store = config_.store;
  fresh.store_password_file = config_.store_password_file;
  fresh.lease = config_.lease;
  fresh.control = config_.control;
  config_ = std::move(fresh);
  expect_series();
  for (const auto& warning : made.warnings) spdlog::warn("{}", warning);
  Actions actions;
  std::vector<Event> lapsed = store_->lapsed();
  watcher_->adopt(lapsed, now(), actions);  // what follows may ask for calls and sends at once
  watcher_->reconfigure(made.settings, now(), actions);
  carry_out(actions);
  arm();
  tell(event::SavingResumed{});  // what pictures waited for may be what was mended
}

}  // namespace mjwatchd
