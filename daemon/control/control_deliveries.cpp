// The calls about deliveries and their receivers.
#include <algorithm>

#include "daemon/control/control_impl.hpp"
#include "daemon/control/moment.hpp"
#include "daemon/control/receiver_wish.hpp"
#include "daemon/control/views.hpp"
#include "mjwatchd/names.hpp"

namespace mjwatchd::control {
namespace {

constexpr std::size_t kLongestReason = 200;

Problem no_delivery(const std::string& id) {
  return Problem{
      404, "There is no delivery " + in_quotes(id) + ": GET /v1/deliveries, or mjwatch deliveries, lists them", {}, {}};
}

Decoded<change::Replay> decode_replay(const Json& body, WallTime now) {
  change::Replay replay;
  replay.at = now;
  if (body.keys.empty()) {
    return Refusal{"",
                   "Say which: name at least one of endpoint, state, since and until. {\"state\":\"dead\"} sends "
                   "all that were given up."};
  }
  if (const auto* const endpoint = body.find("endpoint")) {
    if (!endpoint->is(Json::Kind::text)) return mistyped("endpoint", "a receiver's name", *endpoint);
    if (endpoint->text.empty()) return Refusal{"endpoint", "is empty; leave it out for any"};
    replay.endpoint = endpoint->text;
  }
  if (const auto* const state = body.find("state")) {
    if (!state->is(Json::Kind::text)) return mistyped("state", "delivered, held, dead or superseded", *state);
    replay.state = parse_delivery_state(state->text);
    if (!replay.state || *replay.state == DeliveryState::pending) {
      return Refusal{"state", in_quotes(state->text) +
                                  " must be delivered, held, dead or superseded (what is pending is "
                                  "sent without being asked for)"};
    }
  }
  for (const auto& [key, out] : {std::pair{"since", &replay.since}, std::pair{"until", &replay.until}}) {
    const auto* const value = body.find(key);
    std::string wrong;
    if (value == nullptr) continue;
    *out = parse_moment(*value, now, wrong);
    if (!*out) return Refusal{key, wrong};
  }
  if (replay.since && replay.until && *replay.since > *replay.until) {
    return Refusal{"since", "lies after until, so nothing can match"};
  }
  return replay;
}

bool went_well(const CommitResult& result) {
  return result.code == CommitResult::Code::done || result.code == CommitResult::Code::existing;
}

/// What is sent again now, and what waits for its receiver to be enabled.
http::ServerResponse replayed(const CommitResult& result) {
  const auto& all = result.deliveries;
  const auto held = std::count_if(all.begin(), all.end(),
                                  [](const DeliveryRecord& delivery) { return delivery.state == DeliveryState::held; });
  JsonText out;
  out.object().count("replayed", all.size() - static_cast<std::size_t>(held) + result.elsewhere.size());
  out.count("held", static_cast<std::size_t>(held)).word("detail", result.detail).end_object();
  return respond(202, out.take());
}

}  // namespace

void ControlServer::Impl::list_deliveries(const AskPtr& ask) {
  Parameters parameters(ask->request);
  auto query = delivery_query(parameters);
  if (parameters.wrong()) return ask->refuse(*parameters.wrong());
  const auto limit = query.limit;
  desk_.deliveries(std::move(query), [ask, limit](const Listing<DeliveryView>& found) {
    if (found.unread) return ask->refuse(unreadable());
    ask->reply(respond(200, show_deliveries(found, limit)));
  });
}

void ControlServer::Impl::show_delivery(const AskPtr& ask) {
  DeliveryQuery query;
  query.no = parse_number(ask->names.front());
  query.limit = 1;
  if (!query.no) return ask->refuse(no_delivery(ask->names.front()));
  desk_.deliveries(std::move(query), [ask](const Listing<DeliveryView>& found) {
    if (found.unread) return ask->refuse(unreadable());
    if (found.empty()) return ask->refuse(no_delivery(ask->names.front()));
    ask->reply(respond(200, control::show_delivery(found.front())));
  });
}

void ControlServer::Impl::replay_delivery(const AskPtr& ask) {
  if (!object_body(*ask, {})) return;
  change::Replay replay;
  replay.no = parse_number(ask->names.front());
  replay.at = desk_.wall();
  if (!replay.no) return ask->refuse(no_delivery(ask->names.front()));
  desk_.change(std::move(replay), [ask](const CommitResult& result) {
    const auto& id = ask->names.front();
    if (result.code == CommitResult::Code::missing) return ask->refuse(no_delivery(id));
    if (!went_well(result)) return ask->refuse(problem_of(result, {}));
    if (result.deliveries.empty() && result.elsewhere.empty()) {
      return ask->refuse(
          Problem{409,
                  "Delivery " + id + " stays held: its receiver is disabled or gone; enable that, and it is sent",
                  {},
                  {}});
    }
    JsonText out;
    const auto& delivery = result.deliveries.empty() ? result.elsewhere.front() : result.deliveries.front();
    out.object().number("id", delivery.no).text("state", name(delivery.state)).end_object();
    ask->reply(respond(202, out.take()));
  });
}

void ControlServer::Impl::replay_deliveries(const AskPtr& ask) {
  const auto json = object_body(*ask, {"endpoint", "state", "since", "until"});
  if (!json) return;
  auto decoded = decode_replay(*json, desk_.wall());
  if (const auto* wrong = std::get_if<Refusal>(&decoded)) {
    Problem problem{400, wrong->text(), {}, {}};
    if (!wrong->where.empty()) problem.with("key", wrong->where);
    return ask->refuse(problem);
  }
  desk_.change(std::get<change::Replay>(std::move(decoded)), [ask](const CommitResult& result) {
    if (!went_well(result)) return ask->refuse(problem_of(result, "Nothing was sent again"));
    ask->reply(replayed(result));
  });
}

bool ControlServer::Impl::known_receiver(const Ask& ask, const std::string& name, bool configured_only) const {
  if (desk_.has_endpoint(name)) return true;
  std::vector<std::string> names;
  for (const auto& endpoint : desk_.endpoints()) {
    if (!configured_only && endpoint.name == name) return true;
    if (endpoint.configured) names.push_back(endpoint.name);
  }
  ask.refuse(Problem{404,
                     "There is no endpoint " + in_quotes(name) + " in the configuration (" +
                         (names.empty() ? "there is none" : "there is " + listed(names)) + ")" + meant(name, names),
                     {},
                     {}});
  return false;
}

void ControlServer::Impl::test_endpoint(const AskPtr& ask) {
  const auto& name = ask->names.front();
  if (!object_body(*ask, {}) || !known_receiver(*ask, name, true)) return;
  desk_.change(change::Test{name, desk_.wall()}, [ask](const CommitResult& result) {
    const auto& endpoint = ask->names.front();
    if (!went_well(result)) return ask->refuse(problem_of(result, "There is no endpoint " + in_quotes(endpoint)));
    JsonText out;
    out.object().text("endpoint", endpoint);
    out.word("webhook_id", result.events.empty() ? std::string() : result.events.front().webhook_id);
    out.key("delivery");
    if (result.deliveries.empty()) {
      out.null();
    } else {
      out.number(result.deliveries.front().no);
    }
    ask->reply(respond(202, out.end_object().take()));
  });
}

void ControlServer::Impl::switch_endpoint(const AskPtr& ask, bool disable) {
  const auto& name = ask->names.front();
  const auto json = object_body(*ask, disable ? std::vector<std::string>{"reason"} : std::vector<std::string>{});
  if (!json || !known_receiver(*ask, name, false)) return;
  change::Receiver change{name, disable, disable ? "disabled by hand" : "", desk_.wall()};
  if (const auto* const reason = json->find("reason")) {
    if (!reason->is(Json::Kind::text) || reason->text.size() > kLongestReason) {
      return ask->refuse(Problem{400, "reason: must be a text of at most 200 bytes", {}, {}});
    }
    if (!reason->text.empty()) change.reason = reason->text;
  }
  desk_.change(std::move(change), [ask, disable](const CommitResult& result) {
    const auto& endpoint = ask->names.front();
    if (!went_well(result)) return ask->refuse(problem_of(result, "There is no endpoint " + in_quotes(endpoint)));
    JsonText out;
    out.object().text("endpoint", endpoint).truth("disabled", disable);
    if (!disable)
      out.count("taken_up", result.deliveries.size() + result.elsewhere.size());  // what was held is sent now
    ask->reply(respond(200, out.end_object().take()));
  });
}

}  // namespace mjwatchd::control
