#include "daemon/control/search.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

namespace mjwatchd::control {
namespace {

using Done = std::function<void(const Listing<TaskView>& found, TaskNo next)>;

/// 0: all that fit are found by their numbers, one after the other.
TaskNo window_of(const TaskQuery& query) {
  if (!query.words.empty()) return kTextsAtOnce;
  const bool stalled = query.stalled && !query.active.value_or(false);  // live ones have an index of their own
  const bool rows = query.since || query.until || !query.endings.empty() || stalled || query.pictures;
  return rows ? kRowsAtOnce : 0;
}

/// Looks for the newest task below a number, of any kind; 0 when there is none, nothing when it can't be read.
void newest_below(Desk& desk, TaskNo below, std::function<void(std::optional<TaskNo>)> done) {
  TaskQuery query;
  query.after = below;
  query.limit = 1;
  desk.tasks(std::move(query), [done = std::move(done)](const Listing<TaskView>& found) {
    if (found.unread) return done(std::nullopt);
    done(found.empty() ? 0 : found.front().no);
  });
}

void search_window(Desk& desk, TaskQuery query, TaskNo window, Done done) {
  query.above = std::max<TaskNo>(query.after - 1 - window, 0);
  const auto above = query.above;
  const auto limit = query.limit;
  desk.tasks(std::move(query), [&desk, above, limit, done = std::move(done)](Listing<TaskView> found) {
    if (found.unread) return done(found, 0);
    if (found.size() >= limit) return done(found, found.back().no);
    if (above == 0) return done(found, 0);
    // What was removed leaves numbers without tasks: the next page begins where there is one.
    newest_below(desk, above + 1, [found = std::move(found), done](std::optional<TaskNo> next) mutable {
      found.unread = !next;
      done(found, next.value_or(0) == 0 ? 0 : *next + 1);
    });
  });
}

}  // namespace

void search_tasks(Desk& desk, TaskQuery query, Done done) {
  const auto window = window_of(query);
  if (window == 0) {
    const auto limit = query.limit;
    desk.tasks(std::move(query), [limit, done = std::move(done)](const Listing<TaskView>& found) {
      done(found, found.size() < limit ? 0 : found.back().no);
    });
    return;
  }
  if (query.after > 0) return search_window(desk, std::move(query), window, std::move(done));
  newest_below(desk, 0,
               [&desk, query = std::move(query), window, done = std::move(done)](std::optional<TaskNo> newest) mutable {
                 if (newest.value_or(0) == 0) {
                   Listing<TaskView> none;
                   none.unread = !newest;
                   return done(none, 0);
                 }
                 query.after = *newest + 1;
                 search_window(desk, std::move(query), window, std::move(done));
               });
}

}  // namespace mjwatchd::control
