#include <algorithm>
#include <filesystem>

#include "daemon/store/delivery_row.hpp"
#include "daemon/store/filter.hpp"
#include "daemon/store/lists.hpp"
#include "daemon/store/postgres/connection.hpp"
#include "daemon/store/receiver_row.hpp"
#include "daemon/store/sqlite.hpp"

namespace mjwatchd::store {
namespace {

constexpr std::size_t kMostDeliveries = 1000;

template <typename Db>
std::vector<AttemptView> attempts_of(Db& db, DeliveryNo no) {
  std::vector<AttemptView> list;
  typename Db::Query row(
      db,
      "SELECT number, http_status, fault, retry_after, detail, answer, started_at, dns, connect, tls, "
      "first_byte, total FROM attempts WHERE delivery = ? ORDER BY number",
      no);
  while (row.next()) {
    AttemptView attempt;
    attempt.number = row.template as<std::uint32_t>(0);
    SendResult& result = attempt.result;
    result.http_status = row.template as<int>(1);
    result.fault = row.template as<SendFault>(2);
    if (!row.null(3)) result.retry_after = milliseconds(row.integer(3));
    result.detail = row.text(4);
    result.answer = row.text(5);
    result.started_at = row.time(6);
    result.dns = milliseconds(row.integer(7));
    result.connect = milliseconds(row.integer(8));
    result.tls = milliseconds(row.integer(9));
    result.first_byte = milliseconds(row.integer(10));
    result.total = milliseconds(row.integer(11));
    list.push_back(std::move(attempt));
  }
  return list;
}

Filter filter_of(const DeliveryQuery& query) {
  Filter filter;
  if (query.no) filter.add("deliveries.no = ?", *query.no);
  if (query.after > 0) filter.add("deliveries.no < ?", query.after);
  if (!query.endpoint.empty()) {
    filter.add("deliveries.receiver = (SELECT no FROM receivers WHERE name = ?)", query.endpoint);
  }
  if (query.state) filter.add("deliveries.state = ?", static_cast<std::int64_t>(*query.state));
  if (query.state && *query.state != DeliveryState::delivered) filter.add(MJWATCHD_OPEN);
  // As sets, so that one task's deliveries are found by its key and not by looking at all.
  if (!query.id.empty()) {
    filter.add("deliveries.event IN (SELECT no FROM events WHERE events.id = ?)", query.id);
    if (!query.gateway.empty()) filter.add("events.gateway = ?", query.gateway);
  } else if (!query.gateway.empty()) {
    filter.add("events.gateway = ?", query.gateway);
  }
  return filter;
}

void measure(Connection& db, StoreCounts& counts) {
  std::error_code unknown;
  const auto space = std::filesystem::space(sqlite3_db_filename(db.handle(), "main"), unknown);
  if (!unknown) counts.free_bytes = space.available;
  const std::int64_t pages = db.number("PRAGMA page_count") - db.number("PRAGMA freelist_count");
  counts.bytes = static_cast<std::uint64_t>(pages * db.number("PRAGMA page_size"));
}

/// Room on the server's disk is not ours to know.
void measure(postgres::Connection& db, StoreCounts& counts) {
  counts.bytes = static_cast<std::uint64_t>(
      db.number("SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = "
                "current_schema()::regnamespace"));
}

}  // namespace

template <typename Db>
std::vector<DeliveryView> list_deliveries(Db& db, const DeliveryQuery& query) {
  const Filter filter = filter_of(query);
  const std::string sql =
      "SELECT " MJWATCHD_DELIVERY_COLUMNS
      ", events.gateway, events.id, events.webhook_id, targets.url, deliveries.reason, "
      "deliveries.created_at FROM " MJWATCHD_DELIVERY_TABLES
      " JOIN events ON events.no = deliveries.event LEFT JOIN targets ON targets.no = deliveries.target" +
      filter.where() + " ORDER BY deliveries.no DESC LIMIT ?";
  typename Db::Query row(db, sql);
  row.bind(filter.bind(row) + 1, std::clamp<std::size_t>(query.limit, 1, kMostDeliveries));
  std::vector<DeliveryView> list;
  while (row.next()) {
    DeliveryView view;
    view.record = read_delivery(row);
    view.key = {row.text(kDeliveryColumns), row.text(kDeliveryColumns + 1)};
    view.webhook_id = row.text(kDeliveryColumns + 2);
    view.url = row.text(kDeliveryColumns + 3);
    view.reason = row.text(kDeliveryColumns + 4);
    view.created_at = row.time(kDeliveryColumns + 5);
    if (query.no) view.attempts = attempts_of(db, view.record.no);
    list.push_back(std::move(view));
  }
  return list;
}

/// A webhook as read_outgoing() reads it.
#define MJWATCHD_OUTGOING                                                                                    \
  "SELECT deliveries.no, events.webhook_id, receivers.name, deliveries.format, coalesce(bodies.body, "       \
  "events.body), targets.url, targets.secret, targets.events, events.gateway, events.id, deliveries.target " \
  "FROM " MJWATCHD_DELIVERY_TABLES                                                                           \
  " JOIN events ON events.no = deliveries.event LEFT JOIN targets ON targets.no = deliveries.target "        \
  "LEFT JOIN bodies ON bodies.event = deliveries.event AND bodies.format = deliveries.format "

/// Nothing when its secret can't be opened.
template <typename Query>
std::optional<Outgoing> read_outgoing(const Query& row, const webhooks::SecretBox& secrets) {
  Outgoing outgoing;
  outgoing.no = row.integer(0);
  outgoing.webhook_id = row.text(1);
  outgoing.format = row.template as<BodyFormat>(3);
  outgoing.body = std::make_shared<const std::string>(row.text(4));
  if (row.null(10)) {
    outgoing.endpoint = row.text(2);
    return outgoing;
  }
  outgoing.target.url = row.text(5);
  outgoing.target.events = row.template maybe<EventMask>(7);
  outgoing.target.format = outgoing.format;
  const std::string sealed = row.text(6);
  if (sealed.empty()) return outgoing;
  auto secret = secrets.open(sealed, secret_context({row.text(8), row.text(9)}, outgoing.target.url));
  if (!secret) return std::nullopt;
  outgoing.target.secret = std::move(*secret);
  return outgoing;
}

template <typename Db>
std::optional<Outgoing> load_outgoing(Db& db, const webhooks::SecretBox& secrets, DeliveryNo no) {
  typename Db::Query row(db, MJWATCHD_OUTGOING "WHERE deliveries.no = ?", no);
  if (!row.next()) return std::nullopt;
  return read_outgoing(row, secrets);
}

std::vector<std::optional<Outgoing>> load_outgoing(Connection& db, const webhooks::SecretBox& secrets,
                                                   const std::vector<DeliveryNo>& wanted) {
  std::vector<std::optional<Outgoing>> found(wanted.size());
  const auto in_row = [&](std::size_t from, std::size_t at) {
    return at < wanted.size() && wanted[at] - wanted[from] == static_cast<DeliveryNo>(at - from);
  };
  for (std::size_t from = 0, to = 0; from < wanted.size(); from = to) {
    for (to = from + 1; in_row(from, to);) ++to;
    Query row(db, MJWATCHD_OUTGOING "WHERE deliveries.no BETWEEN ? AND ?", wanted[from], wanted[to - 1]);
    while (row.next())
      found[from + static_cast<std::size_t>(row.integer(0) - wanted[from])] = read_outgoing(row, secrets);
  }
  return found;
}

template <typename Db>
StoreCounts count(Db& db) {
  StoreCounts counts;
  typename Db::Query row(db, "SELECT kind, sum(n) FROM counters GROUP BY kind");
  while (row.next()) {
    const auto n = row.template as<std::uint64_t>(1);
    switch (row.integer(0)) {
      case static_cast<int>(Phase::watching):
        counts.watching = n;
        break;
      case static_cast<int>(Phase::saving):
        counts.saving = n;
        break;
      case static_cast<int>(Phase::late):
        counts.late = n;
        break;
      case static_cast<int>(Phase::done):
        counts.done = n;
        break;
      case 10 + static_cast<int>(DeliveryState::pending):
        counts.pending = n;
        break;
      case 10 + static_cast<int>(DeliveryState::held):
        counts.held = n;
        break;
      case 10 + static_cast<int>(DeliveryState::dead):
        counts.dead = n;
        break;
      default:
        break;
    }
  }
  // By the index on the state, whose entries of one state are in the order of their numbers.
  typename Db::Query oldest(
      db, "SELECT created_at FROM deliveries WHERE " MJWATCHD_OPEN " AND state = ? ORDER BY no LIMIT 1",
      DeliveryState::pending);
  if (oldest.next()) counts.oldest_pending = oldest.time(0);
  measure(db, counts);
  return counts;
}

template std::vector<DeliveryView> list_deliveries(Connection&, const DeliveryQuery&);
template std::vector<DeliveryView> list_deliveries(postgres::Connection&, const DeliveryQuery&);
template std::optional<Outgoing> load_outgoing(Connection&, const webhooks::SecretBox&, DeliveryNo);
template std::optional<Outgoing> load_outgoing(postgres::Connection&, const webhooks::SecretBox&, DeliveryNo);
template StoreCounts count(Connection&);
template StoreCounts count(postgres::Connection&);

}  // namespace mjwatchd::store
