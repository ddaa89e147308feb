#include <spdlog/spdlog.h>

#include <algorithm>

#include "daemon/os/log.hpp"
#include "daemon/runtime_impl.hpp"
#include "mjwatchd/names.hpp"

namespace mjwatchd {
namespace {

using Clock = std::chrono::steady_clock;

const config::Gateway& settings_of(const config::Config& config, const std::string& name) {
  return *std::find_if(config.gateways.begin(), config.gateways.end(),
                       [&](const auto& gateway) { return gateway.name == name; });
}

constexpr milliseconds kGatherFor{10};  // at most 100 syncs a second for what no person and no program waits for
constexpr std::size_t kMostGathered = 500;

/// "HTTP 302: redirects to …"; nothing for a 2xx, and for what we ended ourselves.
std::string failure(const SendResult& result) {
  if ((result.http_status >= 200 && result.http_status < 300) || result.fault == SendFault::cancelled) return {};
  std::string text = result.http_status != 0 ? "HTTP " + std::to_string(result.http_status) : std::string();
  if (text.empty()) text = name(result.fault);
  return result.detail.empty() ? text : text + ": " + result.detail;
}

bool is_urgent(const Change& change) {
  if (std::holds_alternative<change::Delivery>(change)) return false;
  const auto* task = std::get_if<change::Task>(&change);
  return task == nullptr || task->phase != Phase::watching;
}

}  // namespace

void Runtime::Impl::carry_out(Actions& actions) {
  for (auto& action : actions) {
    std::visit([this](auto& order) { perform(order); }, action);
  }
}

// What came of an attempt, and that a task goes on, are urgent to nobody: they wait a moment for others and share
// one sync of the disk. Everything else is committed at once, and after what was asked for before it.
void Runtime::Impl::perform(action::Persist& order) {
  ++commits_;
  const bool urgent = is_urgent(order.change);
  gathered_.push_back(std::move(order));
  if (urgent || gathered_.size() >= kMostGathered) return commit_gathered();
  if (gathered_.size() > 1) return;
  gather_timer_.expires_after(kGatherFor);
  gather_timer_.async_wait([this](const std::error_code& cancelled) {
    if (!cancelled) commit_gathered();
  });
}

void Runtime::Impl::commit_gathered() {
  gather_timer_.cancel();
  for (auto& order : std::exchange(gathered_, {})) commit(order);
}

void Runtime::Impl::commit(action::Persist& order) {
  const auto began = Clock::now();
  const auto ticket = pulse_.begin(Pulse::Part::commit, began);
  store_->commit(std::move(order.change), [this, no = order.no, began, ticket](CommitResult result) {
    --commits_;
    const auto ended = Clock::now();
    pulse_.end(Pulse::Part::commit, ticket, ended);
    observations_.committed(result.code, ended - began);
    tell(event::Persisted{no, std::move(result)});
  });
}

void Runtime::Impl::perform(action::FetchBatch& order) {
  auto* const gateway = gateway_of(order.gateway, order.call);
  if (gateway == nullptr) return;
  os::note(spdlog::level::debug, {.gateway = order.gateway},
           fmt::format("asking {} about {} tasks", order.gateway, order.ids.size()));
  observations_.asking(order.gateway, order.ids.size(), settings_of(config_, order.gateway).polling.batch);
  gateway->fetch_batch(std::move(order.ids), fetched(order.call, order.gateway, true));
}

void Runtime::Impl::perform(action::FetchOne& order) {
  auto* const gateway = gateway_of(order.key.gateway, order.call);
  if (gateway == nullptr) return;
  os::note(spdlog::level::debug, {.task = order.key.id, .gateway = order.key.gateway},
           fmt::format("asking {} about {} alone", order.key.gateway, order.key.id));
  gateway->fetch_one(std::move(order.key.id), fetched(order.call, order.key.gateway, false));
}

std::function<void(FetchReply)> Runtime::Impl::fetched(CallNo call, const std::string& gateway, bool batch) {
  const auto began = Clock::now();
  const auto ticket = pulse_.begin(Pulse::Part::call, began, settings_of(config_, gateway).timeout);
  return [this, call, gateway, batch, began, ticket](FetchReply reply) {
    const auto ended = Clock::now();
    pulse_.end(Pulse::Part::call, ticket, ended);
    observations_.answered(gateway, batch, reply.verdict, ended - began);
    tell(event::BatchFetched{call, std::move(reply)});
  };
}

Gateway* Runtime::Impl::gateway_of(const std::string& name, CallNo call) {
  const auto found = gateways_.find(name);
  if (found != gateways_.end()) return found->second.get();
  FetchReply reply;
  reply.detail = "the gateway is gone from the configuration";
  tell(event::BatchFetched{call, std::move(reply)});
  return nullptr;
}

void Runtime::Impl::perform(action::SaveImage& order) {
  TaskQuery query;
  query.gateway = order.key.gateway;
  query.id = order.key.id;
  query.limit = 1;
  const auto ticket = pulse_.begin(Pulse::Part::read, Clock::now());
  store_->tasks(std::move(query), [this, order, ticket](const Listing<TaskView>& found) {
    pulse_.end(Pulse::Part::read, ticket, Clock::now());
    save(order, found);
  });
}

void Runtime::Impl::save(const action::SaveImage& order, const Listing<TaskView>& found) {
  if (found.unread) {
    tell(event::ImageSaved{order.key, SaveVerdict::try_again, {{}, "the task could not be read from the store", {}}});
    return;
  }
  if (found.empty()) {  // deleted meanwhile
    tell(event::ImageSaved{order.key, SaveVerdict::gone, {{}, "the task is no longer watched", {}}});
    return;
  }
  SaveOrder wanted;
  wanted.key = order.key;
  wanted.mode = found.front().record.save;
  wanted.seed = found.front().record.seed;
  wanted.object = found.front().object;
  wanted.deadline = order.deadline;
  wanted.last_chance = order.last_chance;
  images_->save(std::move(wanted), [this, key = order.key](SaveReport report) {
    if (report.result.error) {
      os::note(spdlog::level::warn, {.task = key.id, .gateway = key.gateway},
               "a picture is not saved yet: " + *report.result.error);
    }
    tell(event::ImageSaved{key, report.verdict, std::move(report.result)});
  });
}

void Runtime::Impl::perform(action::Send& order) {
  const auto ticket = pulse_.begin(Pulse::Part::read, Clock::now());
  store_->outgoing(order.delivery, [this, no = order.delivery, ticket](std::optional<Outgoing> outgoing) {
    pulse_.end(Pulse::Part::read, ticket, Clock::now());
    if (!outgoing || !outgoing->ours) {
      SendResult result;
      result.fault = outgoing ? SendFault::cancelled : SendFault::invalid;
      result.detail = outgoing ? "another daemon may hold it now"
                               : "its secret can't be opened: secrets.key is not the one it was stored under";
      result.started_at = now().wall;
      tell(event::Sent{no, std::move(result)});
      return;
    }
    hand_over(std::move(*outgoing));
  });
}

void Runtime::Impl::hand_over(Outgoing outgoing) {
  const auto endpoint = config_.webhooks.endpoints.find(outgoing.endpoint);
  const bool configured = endpoint != config_.webhooks.endpoints.end();
  const auto ticket =
      pulse_.begin(Pulse::Part::send, Clock::now(), configured ? endpoint->second.timeout : webhooks::kUrlTimeout);
  const auto no = outgoing.no;
  auto receiver = os::without_secrets(outgoing.endpoint.empty() ? outgoing.target.url : outgoing.endpoint);
  // What is not in the configuration has a name that others chose.
  sender_->send(std::move(outgoing), [this, no, ticket, who = configured ? endpoint->first : std::string("url"),
                                      receiver = std::move(receiver)](SendResult result) {
    pulse_.end(Pulse::Part::send, ticket, Clock::now());
    observations_.attempted(who, result);
    if (const auto why = failure(result); !why.empty()) {
      os::note(spdlog::level::warn, {.endpoint = receiver, .delivery = std::to_string(no)},
               fmt::format("a webhook is not delivered yet to {}: {}", receiver, why));
    }
    tell(event::Sent{no, std::move(result)});
  });
}

void Runtime::Impl::perform(action::Answer& order) {
  const auto waiting = tickets_.find(order.ticket);
  if (waiting == tickets_.end()) return;
  const auto done = std::move(waiting->second);
  tickets_.erase(waiting);
  done(std::move(order.result));
}

void Runtime::Impl::perform(action::Announce& order) {
  for (const auto& event : order.events) {
    if (event.no == 0) continue;  // progress that nobody subscribed to
    observations_.announced(event.type);
    os::note(spdlog::level::info, {.task = event.key.id, .gateway = event.key.gateway},
             fmt::format("{} {} ({})", name(event.type), event.key.id, event.key.gateway));
  }
  hub_.publish(order.events);
}

void Runtime::Impl::perform(action::Warn& order) {
  const auto endpoint = os::without_secrets(order.endpoint);  // may be a URL that came with a task
  const auto& subject = endpoint.empty() ? order.gateway : endpoint;
  os::note(spdlog::level::warn, {.gateway = order.gateway, .endpoint = endpoint},
           subject.empty() ? order.text : subject + ": " + order.text);
}

}  // namespace mjwatchd
