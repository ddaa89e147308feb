#include <algorithm>

#include "daemon/store/filter.hpp"
#include "daemon/store/lists.hpp"
#include "daemon/store/postgres/connection.hpp"
#include "daemon/store/pruner.hpp"
#include "daemon/store/sqlite.hpp"

namespace mjwatchd::store {
namespace {

constexpr std::size_t kMostEvents = 1000;

}  // namespace

template <typename Db>
EventPage list_events(Db& db, const EventQuery& query) {
  EventPage page;
  if (query.after > 0 && query.after < events_gone(db)) {
    page.gone = true;
    return page;
  }
  Filter filter;
  filter.add("no > ?", query.after);
  if (!query.id.empty()) filter.add("id = ?", query.id);
  if (!query.gateway.empty()) filter.add("gateway = ?", query.gateway);
  filter.add("((CAST(1 AS bigint) << type) & ?) <> 0", static_cast<std::int64_t>(query.types));
  typename Db::Query row(db, "SELECT no, type, gateway, id, sequence, at, webhook_id, body FROM events" +
                                 filter.where() + " ORDER BY no LIMIT ?");
  row.bind(filter.bind(row) + 1, std::clamp<std::size_t>(query.limit, 1, kMostEvents));
  while (row.next()) {
    CommittedEvent event;
    event.no = row.integer(0);
    event.type = row.template as<EventType>(1);
    event.key = {row.text(2), row.text(3)};
    event.sequence = row.template as<std::uint32_t>(4);
    event.at = row.time(5);
    event.webhook_id = row.text(6);
    event.body = std::make_shared<const std::string>(row.text(7));
    page.events.push_back(std::move(event));
  }
  return page;
}

template EventPage list_events(Connection&, const EventQuery&);
template EventPage list_events(postgres::Connection&, const EventQuery&);

}  // namespace mjwatchd::store
