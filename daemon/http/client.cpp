#include "daemon/http/client.hpp"

#include <algorithm>
#include <asio/post.hpp>
#include <csignal>
#include <deque>
#include <unordered_map>
#include <utility>

#include "daemon/http/client_exchange.hpp"
#include "daemon/http/multi.hpp"
#include "mjwatchd/ascii.hpp"

namespace mjwatchd::http {
namespace {

constexpr std::size_t kMostSpareHandles = 512;
constexpr milliseconds kLateTimer{15000};  // no loop that is worth its name is so late for a timer
constexpr int kStallLooks = 4;             // how often it is looked whether anything moved, within a stall_timeout

// OpenSSL writes without MSG_NOSIGNAL; a peer that hung up must not end the process.
void ignore_sigpipe() {
  struct sigaction now {};
  if (::sigaction(SIGPIPE, nullptr, &now) == 0 && now.sa_handler == SIG_DFL) std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace

std::string_view Response::header(std::string_view name) const {
  for (const Header& one : headers) {
    if (same_letters(one.name, name)) return one.value;
  }
  return {};
}

/// Everything that comes from the user (start, cancel) is queued and done by pump(), outside of curl;
/// everything that goes to the user at the end is posted. So curl is never called from inside itself,
/// and a callback may do anything with the client, its end included.
class Client::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& io, std::size_t max_connections)
      : io_(io),
        most_spare_(std::min(max_connections, kMostSpareHandles)),
        multi_(
            std::in_place, io, max_connections, [this](CURL* easy, CURLcode code) { on_finished(easy, code); },
            [](CURL* easy) {
              const Exchange* one = exchange_of(easy);
              return one != nullptr && one->connected();
            }),
        end_soon_([this](const Exchange& exchange) { end_soon(exchange.id()); }) {
    ignore_sigpipe();
  }
  ~Impl() { tear_down(); }

  CallId start(Request request, Exchange::Done done) {
    const CallId id = ++last_;
    exchanges_.emplace(id, std::make_unique<Exchange>(id, std::move(request), std::move(done), end_soon_));
    to_start_.push_back(id);
    pump_soon();
    return id;
  }

  void cancel(CallId id) {
    const auto found = exchanges_.find(id);
    if (found == exchanges_.end() || found->second->ended()) return;
    found->second->end(Fault::cancelled, "cancelled");
    end_soon(id);
  }

  void hold(CallId id) {
    if (const auto found = exchanges_.find(id); found != exchanges_.end()) found->second->held = true;
  }

  void resume(CallId id) {
    const auto found = exchanges_.find(id);
    if (found == exchanges_.end() || !std::exchange(found->second->held, false) || !found->second->paused) return;
    to_resume_.push_back(id);
    pump_soon();
  }

  [[nodiscard]] std::size_t in_flight() const { return exchanges_.size() + deliveries_.size(); }

  [[nodiscard]] bool forgets_time() const { return timed_ > 0 && multi_ && !multi_->keeps_time(kLateTimer); }

  /// After this no callback runs. From inside one of curl's, the rest waits until curl is left.
  void close() {
    closed_ = true;
    if (multi_ && multi_->busy()) {
      for (const auto& [id, exchange] : exchanges_) exchange->end(Fault::cancelled, "");
      asio::post(io_, [self = shared_from_this()] { self->tear_down(); });
    } else {
      tear_down();
    }
  }

 private:
  struct Delivery {
    std::unique_ptr<Exchange> exchange;
    Response response;
  };

  void pump_soon() {
    if (closed_ || std::exchange(pumping_, true)) return;
    asio::post(io_, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->pump();
    });
  }

  void end_soon(CallId id) {
    to_end_.push_back(id);
    pump_soon();
  }

  void pump() {
    pumping_ = false;
    if (closed_) return;
    if (multi_->busy()) return pump_soon();  // someone ran the loop from inside a callback
    for (const CallId id : std::exchange(to_start_, {})) launch(id);
    for (const CallId id : std::exchange(to_end_, {})) finish(id, CURLE_OK);
    for (const CallId id : std::exchange(to_resume_, {})) go_on(id);
  }

  void go_on(CallId id) {
    const auto found = exchanges_.find(id);
    if (found == exchanges_.end() || found->second->held || !std::exchange(found->second->paused, false)) return;
    if (const CURLcode code = multi_->go_on(found->second->easy()->get()); code != CURLE_OK) finish(id, code);
  }

  void launch(CallId id) {
    const auto found = exchanges_.find(id);
    if (found == exchanges_.end()) return;
    Exchange& exchange = *found->second;
    if (exchange.ended() || !exchange.prepare(take_handle(), *multi_)) return finish(id, CURLE_OK);
    if (const CURLMcode code = multi_->add(exchange.easy()->get()); code != CURLM_OK) {
      exchange.end(Fault::broken, curl_multi_strerror(code));
      return finish(id, CURLE_OK);
    }
    exchange.added = true;
    if (exchange.request().timeout.count() > 0) ++timed_;
    if (exchange.request().stall_timeout.count() > 0) {
      exchange.stall_timer.emplace(io_);
      look_later(exchange);
    }
  }

  /// A stall is seen between its time and a quarter more.
  void look_later(Exchange& exchange) {
    const milliseconds pause = std::max(exchange.request().stall_timeout / kStallLooks, milliseconds(1));
    exchange.stall_timer->expires_after(pause);
    exchange.stall_timer->async_wait([weak = weak_from_this(), id = exchange.id()](std::error_code error) {
      const auto self = weak.lock();
      if (self && !self->closed_ && !error) self->look(id);
    });
  }

  void look(CallId id) {
    const auto found = exchanges_.find(id);
    if (found == exchanges_.end()) return;
    Exchange& exchange = *found->second;
    const std::uint64_t progress = exchange.progress();
    const bool still = progress == exchange.last_progress && !exchange.held;
    exchange.still_looks = still ? exchange.still_looks + 1 : 0;
    exchange.last_progress = progress;
    if (exchange.still_looks < kStallLooks) return look_later(exchange);
    const auto pause = exchange.request().stall_timeout.count();
    exchange.end(Fault::timeout, "nothing moved for " + std::to_string(pause) + " milliseconds");
    end_soon(id);
  }

  static const Exchange* exchange_of(CURL* easy) {
    char* exchange = nullptr;
    if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, &exchange) != CURLE_OK) return nullptr;
    return reinterpret_cast<const Exchange*>(exchange);
  }

  void on_finished(CURL* easy, CURLcode code) {
    if (const Exchange* exchange = exchange_of(easy)) finish(exchange->id(), code);
  }

  /// Takes the exchange off curl and has its response delivered. What the user gave is kept until then,
  /// so that its destructors run outside of here, too.
  void finish(CallId id, CURLcode code) {
    if (closed_) return;
    auto node = exchanges_.extract(id);
    if (!node) return;
    std::unique_ptr<Exchange> exchange = std::move(node.mapped());
    if (exchange->added) {
      multi_->remove(exchange->easy()->get());
      if (exchange->request().timeout.count() > 0) --timed_;
    }
    Response response = exchange->conclude(code);
    keep_handle(exchange->release());
    deliveries_.push_back({std::move(exchange), std::move(response)});
    asio::post(io_, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->deliver();
    });
  }

  /// One for each post, so that one that throws out of the loop holds up no other.
  void deliver() {
    if (closed_) return;
    Delivery next = std::move(deliveries_.front());
    deliveries_.pop_front();
    if (const auto done = next.exchange->take_done()) done(std::move(next.response));
  }

  std::unique_ptr<Easy> take_handle() {
    if (spare_.empty()) return std::make_unique<Easy>();
    auto easy = std::move(spare_.back());
    spare_.pop_back();
    return easy;
  }

  void keep_handle(std::unique_ptr<Easy> easy) {
    if (easy && spare_.size() < most_spare_) spare_.push_back(std::move(easy));
  }

  void tear_down() {
    closed_ = true;
    if (!multi_) return;
    auto exchanges = std::exchange(exchanges_, {});
    const auto deliveries = std::exchange(deliveries_, {});
    for (const auto& [id, exchange] : exchanges) {
      if (exchange->added) multi_->remove(exchange->easy()->get());
    }
    multi_.reset();
    spare_.clear();
  }

  asio::io_context& io_;
  const std::size_t most_spare_;
  std::optional<Multi> multi_;
  const Exchange::EndSoon end_soon_;
  std::unordered_map<CallId, std::unique_ptr<Exchange>> exchanges_;
  std::deque<Delivery> deliveries_;
  std::vector<std::unique_ptr<Easy>> spare_;
  std::vector<CallId> to_start_, to_end_, to_resume_;
  CallId last_ = 0;
  std::size_t timed_ = 0;  ///< exchanges with curl that have a time limit
  bool pumping_ = false, closed_ = false;
};

Client::Client(asio::io_context& io, std::size_t max_connections)
    : impl_(std::make_shared<Impl>(io, max_connections)) {}
Client::~Client() { impl_->close(); }

Client::CallId Client::start(Request request, std::function<void(Response)> done) {
  return impl_->start(std::move(request), std::move(done));
}
void Client::cancel(CallId call) { impl_->cancel(call); }
void Client::hold(CallId call) { impl_->hold(call); }
void Client::resume(CallId call) { impl_->resume(call); }
std::size_t Client::in_flight() const { return impl_->in_flight(); }
bool Client::forgets_time() const { return impl_->forgets_time(); }

}  // namespace mjwatchd::http
