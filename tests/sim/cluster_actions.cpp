#include <utility>

#include "tests/sim/cluster.hpp"
#include "tests/sim/describe.hpp"

namespace mjwatchd::sim {

/// False when the daemon died before it had carried out all of them, or was paused: then it goes on some time.
bool Cluster::carry_out(Daemon& daemon, Actions actions) {
  for (std::size_t i = 0; i < actions.size(); ++i) {
    acted_ = clock_.now();
    if (dies_now()) {
      crash(daemon, false);
      return false;
    }
    if (paused(daemon)) {
      daemon.left.assign(std::make_move_iterator(actions.begin() + static_cast<std::ptrdiff_t>(i)),
                         std::make_move_iterator(actions.end()));
      plan_step(daemon);
      return false;
    }
    std::visit([&](auto& one) { obey(daemon, one); }, actions[i]);
  }
  return true;
}

std::function<void(Event)> Cluster::to(Daemon& daemon) {
  return [this, &daemon, life = daemon.life](Event event) {
    if (life == daemon.life) tell(daemon, std::move(event));
  };
}

void Cluster::obey(Daemon& daemon, action::Persist& action) {
  findings_.did(clock_.now(), "persist ", daemon.place, " ", action.no, " ", action.change.index());
  if (findings_.traces()) findings_.note(clock_.now(), "  ", describe(action.change));
  if (const auto* task = std::get_if<change::Task>(&action.change)) {
    findings_.did(clock_.now(), task->key.id, static_cast<int>(task->phase), static_cast<int>(task->ending));
    sharing_rules_.committing(*task);
  }
  daemon.session->commit(std::move(action.change), [this, &daemon, no = action.no](CommitResult result) {
    findings_.note(clock_.now(), "committed ", daemon.place, " ", no, " code ", static_cast<int>(result.code));
    tell(daemon, event::Persisted{no, std::move(result)});
  });
}

void Cluster::obey(Daemon& daemon, action::FetchBatch& action) {
  ask_gateway(daemon, action.call, action.gateway, std::move(action.ids), true);
}

void Cluster::obey(Daemon& daemon, const action::FetchOne& action) {
  ask_gateway(daemon, action.call, action.key.gateway, {action.key.id}, false);
}

void Cluster::ask_gateway(Daemon& daemon, CallNo call, const std::string& gateway, std::vector<std::string> ids,
                          bool batch) {
  findings_.did(clock_.now(), "call ", daemon.place, " ", call, " ", gateway, " ", ids.size());
  for (const std::string& id : ids) findings_.did(clock_.now(), "  ", id);
  sharing_rules_.called(*daemon.session, gateway, ids, daemon.interrupted);
  gateways_.at(gateway)->fetch(
      {call, batch, std::move(ids)},
      [heard = to(daemon)](const FakeGateway&, const FakeGateway::Call& asked, FetchReply&& reply) {
        heard(event::BatchFetched{asked.number, std::move(reply)});
      });
}

void Cluster::obey(Daemon& daemon, const action::SaveImage& action) {
  findings_.did(clock_.now(), "save ", daemon.place, " ", action.key.id);
  pictures_.save(action.key, [heard = to(daemon)](const TaskKey& key, SaveVerdict verdict, ImageResult&& result) {
    heard(event::ImageSaved{key, verdict, std::move(result)});
  });
}

void Cluster::obey(Daemon& daemon, const action::Send& action) {
  findings_.did(clock_.now(), "send ", daemon.place, " ", action.delivery);
  const SessionNo who = daemon.session->number();
  const DeliveryRow* row = std::as_const(disk_).deliveries().find(action.delivery);
  if (row == nullptr || !daemon.session->may_send(row->record)) {
    // What the core asks for it believes to hold, unless it was paused since.
    if (row != nullptr && !daemon.interrupted) sharing_rules_.sending(who, action.delivery, false);
    sharing_rules_.sent(who, action.delivery);
    SendResult none;
    none.fault = SendFault::cancelled;
    clock_.in(milliseconds(1), [heard = to(daemon), no = action.delivery, none] { heard(event::Sent{no, none}); });
    return;
  }
  sharing_rules_.sending(who, action.delivery, false);
  receivers_.post(action.delivery, *row, [this, who, &daemon, heard = to(daemon)](DeliveryNo no, SendResult&& result) {
    sharing_rules_.sent(who, no);
    result.started_at = now(daemon).wall;
    heard(event::Sent{no, std::move(result)});
  });
}

void Cluster::obey(Daemon& daemon, const action::Answer& action) {
  findings_.did(clock_.now(), "answer ", action.ticket);
  const auto found = daemon.wishes.find(action.ticket);
  if (found == daemon.wishes.end()) return findings_.broken(clock_.now(), "an answer nobody waits for");
  Wish wish = std::move(found->second);
  daemon.wishes.erase(found);
  if (action.result.code == CommitResult::Code::failed) {
    return apps_.ask_at(clock_.now() + dice_.between(milliseconds(100), milliseconds(3000)), std::move(wish));
  }
  wish.answered(action.result);
}

void Cluster::obey(Daemon&, const action::Announce& action) { rules_.announcing(action.events); }

void Cluster::obey(Daemon& daemon, const action::Warn& action) {
  findings_.did(clock_.now(), "warn ", daemon.place, " ", action.gateway, action.endpoint, " ", action.text);
}

}  // namespace mjwatchd::sim
