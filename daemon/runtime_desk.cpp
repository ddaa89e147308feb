#include <unistd.h>

#include <algorithm>
#include <asio/post.hpp>

#include "daemon/runtime_impl.hpp"
#include "daemon/webhooks/receiver.hpp"
#include "daemon/webhooks/url_rules.hpp"
#include "mjwatchd/names.hpp"

namespace mjwatchd {
namespace {

/// Scheme, host, port and path: user info and query may hold secrets.
std::string shown(const std::string& url) {
  const auto authority = url.find("://");
  if (authority == std::string::npos) return webhooks::origin_of(url);
  const auto path = url.find('/', authority + 3);
  const auto end = std::min(url.find_first_of("?#"), url.size());
  return webhooks::origin_of(url) + (path < end ? url.substr(path, end - path) : "/");
}

Event as_event(Ticket ticket, Change change) {
  if (auto* wish = std::get_if<change::Register>(&change)) {
    return event::Registered{ticket, std::move(wish->registration)};
  }
  if (auto* wish = std::get_if<change::Forget>(&change)) return event::Deleted{ticket, std::move(wish->key)};
  return event::ChangeAsked{ticket, std::move(change)};
}

}  // namespace

void Runtime::Impl::change(Change change, std::function<void(CommitResult)> done) {
  const Ticket ticket = next_ticket_++;
  tickets_.emplace(ticket, std::move(done));
  tell(as_event(ticket, std::move(change)));
}

void Runtime::Impl::refresh(const TaskRecord& record, bool pictures_missing) {
  store_->refresh(record.key, pictures_missing,
                  [this, asked = store::refresh_asked(record, pictures_missing)]() mutable { tell(std::move(asked)); });
}

void Runtime::Impl::tasks(TaskQuery query, std::function<void(Listing<TaskView>)> done) {
  stir();
  store_->tasks(std::move(query), std::move(done));
}

void Runtime::Impl::deliveries(DeliveryQuery query, std::function<void(Listing<DeliveryView>)> done) {
  stir();
  store_->deliveries(std::move(query), std::move(done));
}

void Runtime::Impl::events(EventQuery query, std::function<void(EventPage)> done) {
  stir();
  store_->events(std::move(query), std::move(done));
}

void Runtime::Impl::status(std::function<void(control::StatusView)> done) {
  stir();
  auto show = [this, done = std::move(done)](const StoreCounts& counts) {
    if (!counts.unread) counts_ = counts;
    control::StatusView view;
    view.started_at = started_at_;
    view.now = now().wall;
    view.ready = ready_;
    view.stopping = stopping_;
    view.counts = counts_;
    view.saving = watcher_->saving();
    view.sending = sender_->in_flight();
    view.sharing = store_->sharing();
    view.troubles = troubles();
    view.configuration = config_.file.string();
    view.refusal = refusal_;
    done(std::move(view));
  };
  if (store_->away().empty()) return store_->counts(std::move(show));
  // Just then it is asked what is wrong: with what was counted last.
  asio::post(io_, [this, show = std::move(show)] { show(counts_); });
}

void Runtime::Impl::fetch_picture(const SavedImage& image, std::function<void(std::string, std::string)> done) {
  images_->fetch(image, std::move(done));
}

void Runtime::Impl::thumbnail(const SavedImage& image, std::function<void(std::string, std::string)> done) {
  if (auto kept = thumbnails_.kept(image.sha256); !kept.empty()) {
    asio::post(io_, [done = std::move(done), kept = std::move(kept)] { done(kept, {}); });
    return;
  }
  if (!image.path.starts_with("s3://")) return thumbnails_.make(image.sha256, image.path, std::move(done));
  images_->fetch(
      image, [this, sha256 = image.sha256, done = std::move(done)](const std::string& file, const std::string& error) {
        if (!error.empty()) return done({}, error);
        thumbnails_.make(sha256, file, [file, done](const std::string& small, const std::string& why) {
          static_cast<void>(::unlink(file.c_str()));  // brought for this only
          done(small, why);
        });
      });
}

std::string Runtime::Impl::closed() const {
  if (stopping_) return "the daemon is stopping";
  if (!ready_) return "the daemon is starting and still reads its watch list";
  if (const auto why = store_->broken(); !why.empty()) return "the store can't be written: " + why;
  if (const auto why = away(); !why.empty()) return why;
  if (store_->full()) return "too many changes are waiting for the disk";
  return {};
}

std::string Runtime::Impl::away() const {
  const auto why = store_->away();
  return why.empty() ? std::string() : "the store can't be reached: " + why;
}

std::vector<control::GatewayStatus> Runtime::Impl::gateways() const {
  std::vector<control::GatewayStatus> out;
  auto views = watcher_->gateways();
  for (const auto& gateway : config_.gateways) {
    const auto view = std::find_if(views.begin(), views.end(), [&](const auto& v) { return v.name == gateway.name; });
    if (view == views.end()) continue;
    out.push_back({*view, gateway.url, gateway.polling.batch, gateway.polling.max_calls_per_minute});
    views.erase(view);
  }
  for (auto& gone : views) out.push_back({std::move(gone), {}, 0, 0});
  return out;
}

bool Runtime::Impl::has_gateway(std::string_view name) const {
  return std::any_of(config_.gateways.begin(), config_.gateways.end(),
                     [&](const auto& gateway) { return gateway.name == name; });
}

std::string Runtime::Impl::default_gateway() const { return config_.gateways.front().name; }

bool Runtime::Impl::has_endpoint(std::string_view name) const {
  return config_.webhooks.endpoints.count(std::string(name)) != 0;
}

std::vector<control::EndpointView> Runtime::Impl::endpoints() const {
  std::map<std::string, ReceiverView> receivers;
  for (auto& view : watcher_->outbox().receivers()) receivers[view.name] = std::move(view);
  std::vector<control::EndpointView> out;
  for (const auto& [name, endpoint] : config_.webhooks.endpoints) {
    control::EndpointView view{name, shown(endpoint.url), std::string(mjwatchd::name(endpoint.format)), true, {}};
    if (auto known = receivers.extract(name)) {
      view.receiver = std::move(known.mapped());
    } else {
      view.receiver.name = view.receiver.group = name;
      view.receiver.breaker = "closed";
    }
    const auto attempts = observations_.attempts(name);
    view.delivered = attempts.delivered;
    view.failed = attempts.failed;
    out.push_back(std::move(view));
  }
  for (auto& [name, receiver] : receivers) {
    control::EndpointView view{name, {}, {}, false, {}};
    view.receiver = std::move(receiver);
    out.push_back(std::move(view));
  }
  return out;
}

std::optional<std::string> Runtime::Impl::refuse_webhook_url(std::string_view url) const {
  auto verdict = webhooks::check_url(std::string(url), webhook_policy_);
  if (verdict.good()) return std::nullopt;
  return verdict.error;
}

}  // namespace mjwatchd
