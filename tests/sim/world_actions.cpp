#include <utility>

#include "tests/sim/describe.hpp"
#include "tests/sim/world.hpp"

namespace mjwatchd::sim {

/// False when the daemon died before it had carried out all of them.
bool World::carry_out(std::size_t turn) {
  turn_ = turn;
  for (Action& action : turns_[turn].actions) {
    if (dies_now()) return false;
    std::visit([this](auto& one) { obey(one); }, action);
  }
  if (turns_[turn].unsettled == 0) settled(turn);
  return true;
}

/// The whole of it.
void World::settled(std::size_t turn) {
  turns_[turn].actions.clear();
  turns_.give_back(turn);
}

void World::obey(const action::Persist& action) {
  findings_.did(clock_.now(), "persist ", action.no, " ", action.change.index());
  if (findings_.traces()) findings_.note(clock_.now(), "  ", describe(action.change));
  rules_.persisting(action.no);
  if (const auto* task = std::get_if<change::Task>(&action.change)) {
    findings_.did(clock_.now(), task->key.id, static_cast<int>(task->phase), static_cast<int>(task->ending));
    rules_.committing(*task, now().wall);
  }
  ++turns_[turn_].unsettled;
  disk_.commit(action, [this, turn = turn_](const action::Persist& persist, CommitResult&& result) {
    findings_.note(clock_.now(), "committed ", persist.no, " code ", static_cast<int>(result.code));
    if (const auto* task = std::get_if<change::Task>(&persist.change)) rules_.committed(task->key);
    if (std::holds_alternative<change::Register>(persist.change) && result.code == CommitResult::Code::done) {
      rules_.adopted(result.task->key);
    }
    tell_new<event::Persisted>(persist.no, std::move(result));
    if (--turns_[turn].unsettled == 0) settled(turn);
  });
}

void World::obey(action::FetchBatch& action) { ask_gateway(action.call, action.gateway, std::move(action.ids), true); }

void World::obey(const action::FetchOne& action) {
  ask_gateway(action.call, action.key.gateway, {action.key.id}, false);
}

void World::ask_gateway(CallNo call, const std::string& gateway, std::vector<std::string> ids, bool batch) {
  findings_.did(clock_.now(), "call ", call, " ", gateway, batch ? " batch of " : " one of ", ids.size());
  for (const std::string& id : ids) findings_.did(clock_.now(), "  ", id);
  rules_.called(gateway, ids, batch, settings_);
  const auto heard = [this, life = life_](const FakeGateway& from, const FakeGateway::Call& asked, FetchReply&& reply) {
    if (life != life_) return;
    findings_.note(clock_.now(), "reply ", asked.number, " verdict ", static_cast<int>(reply.verdict), " tasks ",
                   reply.tasks.size());
    rules_.replied(from.name(), asked.ids, asked.batch, reply);
    tell_new<event::BatchFetched>(asked.number, std::move(reply));
  };
  gateways_.at(gateway)->fetch({call, batch, std::move(ids)}, heard);
}

void World::obey(const action::SaveImage& action) {
  findings_.did(clock_.now(), "save ", action.key.id, action.last_chance ? " last" : "");
  rules_.saving(action, settings_);
  pictures_.save(action.key, [this, life = life_](const TaskKey& key, SaveVerdict verdict, ImageResult&& result) {
    if (life != life_) return;
    findings_.note(clock_.now(), "saved ", key.id, " verdict ", static_cast<int>(verdict));
    rules_.saved(key, verdict);
    tell_new<event::ImageSaved>(key, verdict, std::move(result));
  });
}

void World::obey(const action::Send& action) {
  findings_.did(clock_.now(), "send ", action.delivery);
  rules_.sending(action.delivery);
  const DeliveryRow* row = disk_.deliveries().find(action.delivery);
  if (row == nullptr) return;
  receivers_.post(action.delivery, saboteur_.posted(*row), [this, life = life_](DeliveryNo no, SendResult&& result) {
    if (life != life_) return;
    findings_.note(clock_.now(), "sent ", no, " status ", result.http_status);
    rules_.sent(no);
    result.started_at = now().wall;
    tell_new<event::Sent>(no, std::move(result));
  });
}

void World::obey(const action::Answer& action) {
  findings_.did(clock_.now(), "answer ", action.ticket);
  const auto found = wishes_.find(action.ticket);
  if (found == wishes_.end()) return findings_.broken(clock_.now(), "an answer nobody waits for");
  Wish wish = std::move(found->second);
  wishes_.erase(found);
  if (action.result.code == CommitResult::Code::failed) {
    return apps_.ask_at(clock_.now() + dice_.between(milliseconds(100), milliseconds(3000)), std::move(wish));
  }
  wish.answered(action.result);
}

void World::obey(const action::Announce& action) { rules_.announcing(action.events); }

void World::obey(const action::Warn& action) {
  findings_.did(clock_.now(), "warn ", action.gateway, action.endpoint, " ", action.text);
}

}  // namespace mjwatchd::sim
