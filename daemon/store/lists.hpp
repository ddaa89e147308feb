// Questions to the watch list. Each runs on a reader's thread, inside a transaction it makes.
#pragma once

#include "daemon/store/sqlite.hpp"
#include "daemon/store/sqlite_store.hpp"
#include "mjwatchd/ports.hpp"

namespace mjwatchd::store {

/// All throw SqliteError.
[[nodiscard]] std::vector<TaskView> list_tasks(Connection& db, const StoreRules& rules, const TaskQuery& query);
[[nodiscard]] std::vector<DeliveryView> list_deliveries(Connection& db, const DeliveryQuery& query);
[[nodiscard]] EventPage list_events(Connection& db, const EventQuery& query);
[[nodiscard]] std::optional<Outgoing> load_outgoing(Connection& db, const webhooks::SecretBox& secrets, DeliveryNo no);
[[nodiscard]] StoreCounts count(Connection& db);

}  // namespace mjwatchd::store
