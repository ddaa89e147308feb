#include <spdlog/spdlog.h>

#include "daemon/runtime_impl.hpp"
#include "mjwatchd/names.hpp"

namespace mjwatchd {

void Runtime::Impl::carry_out(Actions& actions) {
  for (auto& action : actions) {
    std::visit([this](auto& order) { perform(order); }, action);
  }
}

void Runtime::Impl::perform(action::Persist& order) {
  ++commits_;
  store_->commit(std::move(order.change), [this, no = order.no](CommitResult result) {
    --commits_;
    tell(event::Persisted{no, std::move(result)});
  });
}

void Runtime::Impl::perform(action::FetchBatch& order) {
  auto* const gateway = gateway_of(order.gateway, order.call);
  if (gateway == nullptr) return;
  spdlog::debug("asking {} about {} tasks", order.gateway, order.ids.size());
  gateway->fetch_batch(std::move(order.ids), fetched(order.call));
}

void Runtime::Impl::perform(action::FetchOne& order) {
  auto* const gateway = gateway_of(order.key.gateway, order.call);
  if (gateway == nullptr) return;
  spdlog::debug("asking {} about {} alone", order.key.gateway, order.key.id);
  gateway->fetch_one(std::move(order.key.id), fetched(order.call));
}

std::function<void(FetchReply)> Runtime::Impl::fetched(CallNo call) {
  return [this, call](FetchReply reply) { tell(event::BatchFetched{call, std::move(reply)}); };
}

Gateway* Runtime::Impl::gateway_of(const std::string& name, CallNo call) {
  const auto found = gateways_.find(name);
  if (found != gateways_.end()) return found->second.get();
  FetchReply reply;
  reply.detail = "the gateway is gone from the configuration";
  fetched(call)(std::move(reply));
  return nullptr;
}

void Runtime::Impl::perform(action::SaveImage& order) {
  TaskQuery query;
  query.gateway = order.key.gateway;
  query.id = order.key.id;
  query.limit = 1;
  store_->tasks(std::move(query), [this, order](const std::vector<TaskView>& found) { save(order, found); });
}

void Runtime::Impl::save(const action::SaveImage& order, const std::vector<TaskView>& found) {
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
    if (report.result.error) spdlog::warn("pictures of {} ({}): {}", key.id, key.gateway, *report.result.error);
    tell(event::ImageSaved{key, report.verdict, std::move(report.result)});
  });
}

void Runtime::Impl::perform(action::Send& order) {
  store_->outgoing(order.delivery, [this, no = order.delivery](std::optional<Outgoing> outgoing) {
    if (!outgoing) {
      SendResult result;
      result.fault = SendFault::invalid;
      result.detail = "its secret can't be opened: secrets.key is not the one it was stored under";
      result.started_at = now().wall;
      tell(event::Sent{no, std::move(result)});
      return;
    }
    sender_->send(std::move(*outgoing), [this, no](SendResult result) {
      if (result.fault != SendFault::none && result.fault != SendFault::cancelled) {
        spdlog::info("webhook {} not delivered: {}: {}", no, name(result.fault), result.detail);
      }
      tell(event::Sent{no, std::move(result)});
    });
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
    spdlog::info("{} {} ({})", name(event.type), event.key.id, event.key.gateway);
  }
  hub_.publish(order.events);
}

void Runtime::Impl::perform(action::Warn& order) {
  if (order.gateway.empty()) {
    spdlog::warn("{}", order.text);
  } else {
    spdlog::warn("{}: {}", order.gateway, order.text);
  }
}

}  // namespace mjwatchd
