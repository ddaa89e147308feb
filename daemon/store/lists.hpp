// Questions to the watch list. Each runs on a reader's thread, inside a transaction it makes.
#pragma once

#include "daemon/store/rules.hpp"
#include "daemon/store/sqlite.hpp"
#include "daemon/webhooks/secret_box.hpp"
#include "mjwatchd/ports.hpp"

namespace mjwatchd::store {

/// All throw what the database throws.
template <typename Db>
[[nodiscard]] std::vector<TaskView> list_tasks(Db& db, const StoreRules& rules, const TaskQuery& query);
template <typename Db>
[[nodiscard]] std::vector<DeliveryView> list_deliveries(Db& db, const DeliveryQuery& query);
template <typename Db>
[[nodiscard]] EventPage list_events(Db& db, const EventQuery& query);
template <typename Db>
[[nodiscard]] std::optional<Outgoing> load_outgoing(Db& db, const webhooks::SecretBox& secrets, DeliveryNo no);
/// In the order of `wanted`. Numbers that follow each other are read by one statement: a backlog is sent in its order.
[[nodiscard]] std::vector<std::optional<Outgoing>> load_outgoing(Connection& db, const webhooks::SecretBox& secrets,
                                                                 const std::vector<DeliveryNo>& wanted);
template <typename Db>
[[nodiscard]] StoreCounts count(Db& db);

}  // namespace mjwatchd::store
