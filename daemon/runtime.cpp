#include "daemon/runtime.hpp"

#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <asio/post.hpp>
#include <random>

#include "daemon/os/listen_fds.hpp"
#include "daemon/runtime_impl.hpp"
#include "daemon/store/postgres/postgres_store.hpp"
#include "daemon/store/sqlite_store.hpp"
#include "daemon/webhooks/box_key.hpp"

namespace mjwatchd {
namespace {

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32U | device();
}

os::Descriptor passed_socket() {
  auto passed = os::take_passed_sockets();
  return os::take_named(passed, "control");
}

constexpr std::size_t kRoomKept = 1024;  ///< of one turn's events or actions; a few hundred bytes each

/// The room of what is done with, for the next; of a turn that was large, none.
template <typename List>
List keep_room(List list) {
  if (list.capacity() > kRoomKept) return {};
  list.clear();
  return list;
}

/// For people who look into the table of daemons.
std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

control::ControlOptions control_options(const config::Config& config, os::Descriptor passed, std::string token) {
  control::ControlOptions options;
  options.passed_fd = passed.release();
  options.socket = config.control.socket;
  options.mode = config.control.mode;
  options.listen = config.control.listen;
  options.token = std::move(token);
  options.hosts = config.control.hosts;
  return options;
}

}  // namespace

Runtime::Runtime(config::Config config) : impl_(std::make_unique<Impl>(std::move(config))) {}
Runtime::~Runtime() = default;
int Runtime::run() { return impl_->run(); }

Runtime::Impl::Impl(config::Config config)
    : config_(std::move(config)),
      webhook_policy_(config_.webhooks.allow, "webhooks.allow"),
      thumbnails_(io_, config_.state_dir / "thumbnails") {
  auto passed = passed_socket();
  if (const auto listener = webhooks::listener_of(passed.get())) passed_listeners_.push_back(*listener);
  auto made = compose(config_, random_seed(), passed_listeners_);
  webhook_policy_ = std::move(made.webhook_policy);
  for (const auto& warning : made.warnings) spdlog::warn("{}", warning);
  started_at_ = now().wall;
  open_store(made);
  if (struct stat folder{}; ::stat(config_.state_dir.c_str(), &folder) == 0) state_device_ = folder.st_dev;
  open_gateways(std::move(made.gateways));
  open_images(std::move(made.images));
  sender_ = std::make_unique<webhooks::HttpSender>(
      client_, std::move(made.sender), [this](std::function<void()> later) { asio::post(io_, std::move(later)); },
      [this] { return now().wall; });
  watcher_ = std::make_unique<Watcher>(made.settings, now());
  expect_series();
  control_ = std::make_unique<control::ControlServer>(
      io_, *this, hub_, control_options(config_, std::move(passed), std::move(made.control_token)));
}

void Runtime::Impl::open_store(Composition& made) {
  webhooks::SecretBox secrets(webhooks::load_box_key(config_.state_dir));
  auto rules = with_listeners(std::move(made.store));
  if (config_.store == "sqlite") {
    store_ = std::make_unique<store::SqliteStore>(
        io_, store::SqliteOptions{config_.state_dir, std::move(rules), std::move(secrets),
                                  [this] { getting_on("bringing the watch list to this version's format"); }});
    return;
  }
  store::PostgresOptions options{config_.store,     std::move(made.store_password),
                                 config_.state_dir, host_name(),
                                 config_.lease,     std::move(rules),
                                 std::move(secrets)};
  store_ = std::make_unique<store::PostgresStore>(io_, std::move(options));
}

store::StoreRules Runtime::Impl::with_listeners(store::StoreRules rules) {
  rules.relieved = [this](std::vector<SavedImage> saved) { remove_early(std::move(saved)); };
  rules.heard = [this](const std::vector<CommittedEvent>& events) { hub_.publish(events); };
  rules.untold = [this](EventNo to) { hub_.pass(to); };
  rules.listening = [this] { return hub_.anyone(); };
  return rules;
}

Runtime::Impl::~Impl() {
  if (!ended_) store_->close();
}

int Runtime::Impl::run() {
  signals_ = std::make_unique<os::Signals>(
      io_, [this](int signal) { stop(signal); }, [this] { reload(); });
  spdlog::info("mjwatchd {} takes up what is in {}", MJWATCHD_VERSION, config_.state_dir.string());
  adopt();
  stir();
  beat();
  keep_alive();
  io_.run();
  return 0;
}

Now Runtime::Impl::now() const {
  const auto steady = std::chrono::floor<milliseconds>(std::chrono::steady_clock::now() - origin_);
  return {Time(steady), std::chrono::floor<milliseconds>(std::chrono::system_clock::now())};
}

void Runtime::Impl::tell(Event event) {
  stir();
  inbox_.push_back(std::move(event));
  // What happens while the disk is still being read waits for the first turn, which is about all tasks.
  if (turn_posted_ || (!ready_ && !stopping_)) return;
  turn_posted_ = true;
  // Later, so that all that has happened by then is one turn, and no room is called back from inside its own call.
  asio::post(io_, [this] { turn(); });
}

void Runtime::Impl::turn() {
  turn_posted_ = false;
  if (ended_) return;
  std::vector<Event> events = std::exchange(inbox_, std::move(room_.events));
  for (Event& event : store_->lapsed()) events.push_back(std::move(event));
  Actions actions = std::move(room_.actions);
  watcher_->handle(events, now(), actions);
  carry_out(actions);
  // Behind what was decided of it before, others may have what is let go.
  const auto lets_go = [](const Event& event) { return std::holds_alternative<event::Released>(event); };
  if (std::any_of(events.begin(), events.end(), lets_go)) commit_gathered();
  room_ = {keep_room(std::move(events)), keep_room(std::move(actions))};
  arm();
  if (stopping_) try_to_end();
}

void Runtime::Impl::arm() {
  const Time next = watcher_->next_wakeup();
  if (next == armed_) return;
  armed_ = next;
  wakeup_.cancel();
  if (next == kNever) return;
  wakeup_.expires_at(origin_ + next.time_since_epoch());
  wakeup_.async_wait([this](const std::error_code& cancelled) {
    if (cancelled) return;
    armed_ = kNever;
    tell(event::Tick{});
  });
}

void Runtime::Impl::adopt() {
  store_->adopt([this](std::vector<Event> page) {
    if (ready_) {  // from or to another daemon
      for (Event& event : page) tell(std::move(event));
      return;
    }
    if (page.empty()) {
      adopted();
      return;
    }
    Actions actions;
    watcher_->adopt(page, now(), actions);
    carry_out(actions);
    getting_on("taking up the watch list: " + std::to_string(watcher_->live()) + " tasks so far");
  });
}

/// A start that takes long is no start that hangs.
void Runtime::Impl::getting_on(const std::string& how_far) {
  const auto present = std::chrono::steady_clock::now();
  if (present - got_on_at_ < std::chrono::seconds(1)) return;
  got_on_at_ = present;
  notifier_.starting(how_far, std::chrono::minutes(2));
}

void Runtime::Impl::adopted() {
  ready_ = true;
  turn();  // now, so that the line below counts everything
  notifier_.ready("Watching tasks and delivering webhooks");
  spdlog::info("ready: {} tasks to watch, {} webhooks to deliver, asking {}", watcher_->live() + watcher_->saving(),
               watcher_->outbox().pending(), config_.gateways.front().url);
  prune();
}

}  // namespace mjwatchd
