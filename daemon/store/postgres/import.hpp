// Moves a single machine's watch list into PostgreSQL.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "daemon/store/postgres/connection.hpp"
#include "daemon/webhooks/secret_box.hpp"

namespace mjwatchd::store {

/// Where to, and under which key the secrets lie there.
struct ImportTarget {
  postgres::Address address;
  webhooks::SecretBox secrets;
};

struct ImportReport {
  std::int64_t tasks = 0, events = 0, deliveries = 0;
};

/// Called now and then while rows of `table` are moved.
using ImportProgress = std::function<void(std::string_view table, std::int64_t done, std::int64_t of)>;

/// Moves the list of `folder`, whose secrets lie under `secrets`: all or nothing, numbers, webhook-ids and bodies as
/// they are, so that no event is lost or told again under another id. The file stays as it is but for a mark in it:
/// a daemon that is started on it again refuses. Throws std::runtime_error that says what, where and the cure: a
/// daemon runs on either, the target holds something already, the source is damaged, newer or not there.
[[nodiscard]] ImportReport import_sqlite(const std::filesystem::path& folder, const webhooks::SecretBox& secrets,
                                         const ImportTarget& target, const ImportProgress& progress);

}  // namespace mjwatchd::store
