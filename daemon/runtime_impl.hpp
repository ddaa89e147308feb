// What the runtime is made of.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/composition.hpp"
#include "daemon/control/control_server.hpp"
#include "daemon/control/desk.hpp"
#include "daemon/control/event_hub.hpp"
#include "daemon/gateway/http_gateway.hpp"
#include "daemon/http/client.hpp"
#include "daemon/images/directory_store.hpp"
#include "daemon/metrics/readings.hpp"
#include "daemon/os/sd_notify.hpp"
#include "daemon/os/signals.hpp"
#include "daemon/page/history.hpp"
#include "daemon/page/thumbnails.hpp"
#include "daemon/pulse.hpp"
#include "daemon/runtime.hpp"
#include "daemon/store/store.hpp"
#include "daemon/webhooks/http_sender.hpp"
#include "mjwatchd/watcher.hpp"

namespace mjwatchd {

/// Everything runs on the loop's thread; what a room answers comes back as an event of the core.
class Runtime::Impl final : public control::Desk {
 public:
  explicit Impl(config::Config config);
  ~Impl() override;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  int run();

  // control::Desk
  void change(Change change, std::function<void(CommitResult)> done) override;
  void refresh(const TaskRecord& record, bool pictures_missing) override;
  void tasks(TaskQuery query, std::function<void(Listing<TaskView>)> done) override;
  void deliveries(DeliveryQuery query, std::function<void(Listing<DeliveryView>)> done) override;
  void events(EventQuery query, std::function<void(EventPage)> done) override;
  void status(std::function<void(control::StatusView)> done) override;
  void metrics(std::function<void(std::string)> done) override;
  [[nodiscard]] std::string closed() const override;
  [[nodiscard]] std::string away() const override;
  [[nodiscard]] std::vector<control::GatewayStatus> gateways() const override;
  [[nodiscard]] bool has_gateway(std::string_view name) const override;
  [[nodiscard]] std::string default_gateway() const override;
  [[nodiscard]] bool has_endpoint(std::string_view name) const override;
  [[nodiscard]] std::vector<control::EndpointView> endpoints() const override;
  [[nodiscard]] std::optional<std::string> refuse_webhook_url(std::string_view url) const override;
  [[nodiscard]] std::string picture_folder() const override { return config_.images.directory; }
  void fetch_picture(const SavedImage& image, std::function<void(std::string, std::string)> done) override;
  void thumbnail(const SavedImage& image, std::function<void(std::string, std::string)> done) override;
  [[nodiscard]] const page::History& history() const override { return history_; }
  [[nodiscard]] WallTime wall() const override { return now().wall; }

 private:
  // The clock, and the core's turn (runtime.cpp).
  [[nodiscard]] Now now() const;
  void tell(Event event);
  void turn();
  void arm();
  void open_store(Composition& made);
  [[nodiscard]] store::StoreRules with_listeners(store::StoreRules rules);
  void adopt();
  void adopted();
  void getting_on(const std::string& how_far);

  // What the core asks for (runtime_actions.cpp).
  void carry_out(Actions& actions);
  void perform(action::Persist& order);
  void commit_gathered();
  void commit(action::Persist& order);
  void perform(action::FetchBatch& order);
  void perform(action::FetchOne& order);
  void perform(action::SaveImage& order);
  void perform(action::Send& order);
  void perform(action::Answer& order);
  void perform(action::Announce& order);
  void perform(action::Warn& order);
  [[nodiscard]] std::function<void(FetchReply)> fetched(CallNo call, const std::string& gateway, bool batch);
  void hand_over(Outgoing outgoing);
  /// Null, and the call answered, when the gateway has gone since the core asked.
  [[nodiscard]] Gateway* gateway_of(const std::string& name, CallNo call);
  void save(const action::SaveImage& order, const Listing<TaskView>& found);

  // Putting a composition into force, at start and at a reload (runtime_reload.cpp).
  void open_gateways(std::vector<std::pair<std::string, gateway::HttpGatewayOptions>> options);
  void open_images(images::Options options);
  void reload();
  void refuse(std::vector<std::string> mistakes);
  void apply(config::Config config, Composition made);

  // What it is like, in figures (runtime_metrics.cpp).
  [[nodiscard]] metrics::Readings readings(bool store_answers) const;
  void expect_series();

  // Whether our own parts move (runtime_pulse.cpp).
  void beat();
  [[nodiscard]] bool nothing_to_do();
  void rest();
  void stir();  ///< somebody wants something
  void probe();
  void remember();
  void add_own_troubles(std::vector<control::Trouble>& out) const;
  void judge_exchanges(const char* name, Pulse::Part part, std::vector<control::Trouble>& out) const;
  void add_disk_troubles(std::vector<control::Trouble>& out) const;
  [[nodiscard]] bool images_hang() const;

  // Watching over ourselves, and the end (runtime_health.cpp).
  [[nodiscard]] std::vector<control::Trouble> troubles() const;
  void keep_alive();
  void prune();
  void prune_pictures(WallTime before, TaskNo after);
  void prune_tasks(WallTime before);
  void remove_early(std::vector<SavedImage> saved);
  void prune_later();
  void stop(int signal);
  void try_to_end();
  void end();

  config::Config config_;
  webhooks::AddressPolicy webhook_policy_;
  Listeners passed_listeners_;
  const std::chrono::steady_clock::time_point origin_ = std::chrono::steady_clock::now();

  asio::io_context io_{1};
  http::Client client_{io_};
  metrics::Observations observations_;
  Pulse pulse_;
  std::unique_ptr<store::Store> store_;
  std::map<std::string, std::unique_ptr<gateway::HttpGateway>> gateways_;
  /// Gone from the configuration; calls and picture stores of before may still use them.
  std::vector<std::unique_ptr<gateway::HttpGateway>> former_gateways_;
  std::unique_ptr<images::DirectoryImageStore> images_;
  /// Replaced by a reload, until their last order is answered.
  std::vector<std::unique_ptr<images::DirectoryImageStore>> former_images_;
  page::Thumbnails thumbnails_;
  std::unique_ptr<webhooks::HttpSender> sender_;
  control::EventHub hub_;
  std::unique_ptr<Watcher> watcher_;
  std::unique_ptr<control::ControlServer> control_;

  os::Notifier notifier_;
  std::unique_ptr<os::Signals> signals_;
  asio::steady_timer wakeup_{io_};
  asio::steady_timer alive_timer_{io_};
  asio::steady_timer beat_timer_{io_};
  asio::steady_timer prune_timer_{io_};
  asio::steady_timer end_timer_{io_};
  Time armed_ = kNever;

  std::vector<Event> inbox_;
  struct Room {
    std::vector<Event> events;
    Actions actions;
  };
  Room room_;  ///< empty, from the last turn
  bool turn_posted_ = false;
  Ticket next_ticket_ = 1;
  std::unordered_map<Ticket, std::function<void(CommitResult)>> tickets_;
  std::size_t commits_ = 0;                ///< asked for by the core, not answered
  std::vector<action::Persist> gathered_;  ///< about to be committed together
  asio::steady_timer gather_timer_{io_};

  std::chrono::steady_clock::duration lag_{};  ///< by how much the last beat was late
  unsigned beats_ = 0;
  bool resting_ = false;                             ///< no beat until somebody wants something
  std::chrono::steady_clock::time_point busy_at_{};  ///< when there was something to do last
  page::History history_;
  std::chrono::steady_clock::time_point remember_at_{};
  std::optional<std::chrono::steady_clock::time_point> exchanges_still_since_;  ///< nothing while they move
  StoreCounts counts_;                                                          ///< as the store told last
  std::uint64_t state_device_ = 0;                                              ///< st_dev of state_dir

  /// Why the last reload was refused; nothing after a good one.
  std::optional<control::RefusedReload> refusal_;

  WallTime started_at_{};
  std::chrono::steady_clock::time_point got_on_at_ = origin_;  ///< with the start, as systemd was told
  bool ready_ = false;
  bool stopping_ = false;
  bool ended_ = false;
};

}  // namespace mjwatchd
