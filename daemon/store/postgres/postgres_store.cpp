#include "daemon/store/postgres/postgres_store.hpp"

#include <spdlog/spdlog.h>

#include <asio/steady_timer.hpp>
#include <utility>

#include "daemon/store/lists.hpp"
#include "daemon/store/postgres/common_key.hpp"
#include "daemon/store/postgres/keeper.hpp"
#include "daemon/store/postgres/reader.hpp"
#include "daemon/store/postgres/schema.hpp"
#include "daemon/store/postgres/writer.hpp"
#include "daemon/store/state_folder.hpp"

namespace mjwatchd::store {

using namespace postgres;

namespace {

constexpr milliseconds kLookForLapse{500};

/// The tables are there, and ours, before any thread begins.
Address prepared(const PostgresOptions& options) {
  Address address{options.url, options.password, options.lease / 3};
  try {
    postgres::Connection db(address);
    migrate(db);
    need_same_key(db, options.secrets);
  } catch (const PostgresError& error) {
    throw std::runtime_error("store: PostgreSQL can't be used: " + std::string(error.what()) +
                             "; look at the address, at store_password_file, and whether the server runs and knows the "
                             "user");
  }
  return address;
}

/// What is another daemon's is said to be so.
std::vector<std::optional<Outgoing>> load(postgres::Connection& db, const webhooks::SecretBox& secrets, DaemonNo self,
                                          const std::vector<DeliveryNo>& wanted) {
  Array numbers(Array::Kind::number);
  for (const DeliveryNo no : wanted) numbers.add(no);
  Rows rows = db.exec(
      "SELECT deliveries.no, coalesce(deliveries.holder, tasks.holder) FROM unnest(?::bigint[]) AS k(no) JOIN "
      "deliveries USING (no) LEFT JOIN tasks ON tasks.no = task",
      {numbers.take()});
  std::map<DeliveryNo, bool> ours;
  while (rows.next()) ours[rows.integer(0)] = rows.integer(1) == self;
  std::vector<std::optional<Outgoing>> found;
  for (const DeliveryNo no : wanted) {
    const auto there = ours.find(no);
    if (there == ours.end()) {
      found.emplace_back();
    } else if (there->second) {
      found.push_back(load_outgoing(db, secrets, no));
    } else {
      found.emplace_back(not_now());
    }
  }
  return found;
}

/// Whether a task is to be refreshed here: we hold it, or it has ended and nobody does. Another daemon that holds it is
/// called. A live one that nobody holds is asked for by who takes it, at any moment now: here it would be too early.
bool is_for_here(postgres::Connection& db, const Standing& standing, const TaskKey& key, bool pictures_missing) {
  const DaemonNo self = standing.last_number();
  Rows rows = db.exec(
      "SELECT tasks.no, coalesce(daemons.no, 0), phase FROM tasks LEFT JOIN daemons ON daemons.no = holder WHERE "
      "gateway = ? AND id = ?",
      {Value(key.gateway), Value(key.id)});
  if (!rows.next()) return false;
  const DaemonNo holder = rows.integer(1);
  if (holder == 0) return rows.as<Phase>(2) == Phase::done;
  if (holder == self) return rows.as<Phase>(2) == Phase::done || standing.held().holds(rows.integer(0));
  const std::string note = std::to_string(self) + " refresh " + std::to_string(holder) + " " +
                           std::to_string(rows.integer(0)) + (pictures_missing ? " pictures" : "");
  static_cast<void>(db.exec("SELECT pg_notify(?, ?)", {Value(channel(db)), Value(note)}));
  return false;
}

}  // namespace

/// Puts the parts together: who keeps the place, the writer, and two readers — one for what the core needs at
/// once, one for lists, which may take their time.
class PostgresStore::Impl {
 public:
  Impl(asio::io_context& io, PostgresOptions options)
      : folder_(StateFolder::without_database(options.directory)),
        loop_(io),
        secrets_(options.secrets),
        rules_(std::make_shared<const StoreRules>(std::move(options.rules))),
        address_(prepared(options)),
        writer_(loop_, address_, std::move(options.secrets), rules_, standing_),
        quick_(address_),
        lists_(address_),
        keeper_(
            loop_,
            {address_, options.host + " " + folder_.identity(), options.lease, rules_->listening, rules_->untold},
            standing_, [this] { return writer_.settled_until(); },
            [this](const std::vector<CommittedEvent>& events) {
              if (rules_->heard) rules_->heard(events);
            }),
        lapse_(io) {}
  ~Impl() { close(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  template <typename Answer, typename Question>
  void ask(Reader& reader, Question question, std::function<void(Answer)> done) {
    auto answer = std::make_shared<Answer>();
    auto guard = loop_.guard();
    const auto give = [this, answer, done = std::move(done), guard] {
      loop_.post([done, answer, guard] { done(std::move(*answer)); });
    };
    reader.ask([answer, question = std::move(question)](postgres::Connection& db) { *answer = question(db); }, give,
               [answer, give](const std::exception& error) {
                 spdlog::error("the store can't be read: {}", error.what());
                 *answer = unread<Answer>();
                 give();
               });
  }

  /// Everything asked for in one turn of the loop is read together.
  void outgoing(DeliveryNo no, std::function<void(std::optional<Outgoing>)> done) {
    wanted_.push_back(no);
    wanting_.push_back(std::move(done));
    if (wanted_.size() == 1) loop_.post([this] { read_wanted(); });
  }

  void adopt(std::function<void(std::vector<Event>)> page) {
    page_ = page;
    keeper_.begin(std::move(page));
    look_for_lapse();
  }

  /// Much may have been let go between the commit and its answer's coming here.
  void commit(Change change, std::function<void(CommitResult)> done) {
    const bool asks =
        !std::holds_alternative<change::Delivery>(change);  // which answers nothing that could be another's
    if (!asks || !done) return writer_.commit(std::move(change), std::move(done));
    const bool fresh = std::holds_alternative<change::Register>(change);
    const DaemonNo no = standing_.last_number();
    writer_.commit(std::move(change), [this, fresh, no, done = std::move(done)](CommitResult result) {
      standing_.held().keep_own(fresh && !standing_.still(no), result);
      done(std::move(result));
    });
  }

  std::vector<Event> lapsed() {
    if (!standing_.lapsed()) return standing_.untold();
    auto events = standing_.let_all_go();
    if (!events.empty()) spdlog::warn("out of touch with the store for a lease: {} tasks are let go", events.size());
    return events;
  }

  void close() {
    lapse_.cancel();
    writer_.close();  // while our place is kept
    loop_.shut();
    keeper_.close();
    quick_.close();
    lists_.close();
  }

  void use(StoreRules rules) {
    rules_ = std::make_shared<const StoreRules>(std::move(rules));
    writer_.use(rules_);
  }

  Writer& writer() { return writer_; }
  [[nodiscard]] const Writer& writer() const { return writer_; }
  void refresh(const TaskKey& key, bool pictures_missing, std::function<void()> here) {
    ask<bool>(
        quick_,
        [this, key, pictures_missing](postgres::Connection& db) {
          return is_for_here(db, standing_, key, pictures_missing);
        },
        [here = std::move(here)](bool ours) {
          if (ours) here();
        });
  }
  [[nodiscard]] const Standing& standing() const { return standing_; }
  Reader& quick() { return quick_; }
  Reader& lists() { return lists_; }
  [[nodiscard]] std::shared_ptr<const StoreRules> rules() const { return rules_; }

 private:
  void read_wanted() {
    const auto wanted = std::exchange(wanted_, {});
    const auto wanting =
        std::make_shared<std::vector<std::function<void(std::optional<Outgoing>)>>>(std::exchange(wanting_, {}));
    ask<std::vector<std::optional<Outgoing>>>(
        quick_, [this, wanted](postgres::Connection& db) { return load(db, secrets_, standing_.number(), wanted); },
        [this, wanting, open = loop_.open()](std::vector<std::optional<Outgoing>> found) {
          // What can't be read now is not given up for it, but asked for again.
          if (found.empty()) found.assign(wanting->size(), not_now());
          const bool lapsed = standing_.lapsed();
          for (std::size_t i = 0; i < wanting->size() && *open; ++i) {
            if (found[i] && lapsed) found[i]->ours = false;
            (*wanting)[i](std::move(found[i]));
          }
        });
  }

  // A turn of the core asks for it as well; but there may be none for long.
  void look_for_lapse() {
    lapse_.expires_after(kLookForLapse);
    lapse_.async_wait([this](const std::error_code& cancelled) {
      if (cancelled) return;
      if (auto events = lapsed(); !events.empty()) page_(std::move(events));
      look_for_lapse();
    });
  }

  StateFolder folder_;
  Loop loop_;
  webhooks::SecretBox secrets_;
  std::shared_ptr<const StoreRules> rules_;
  Address address_;
  Standing standing_;
  Writer writer_;
  Reader quick_;
  Reader lists_;
  Keeper keeper_;
  asio::steady_timer lapse_;
  std::function<void(std::vector<Event>)> page_;
  std::vector<DeliveryNo> wanted_;  ///< deliveries to be read
  std::vector<std::function<void(std::optional<Outgoing>)>> wanting_;
};

PostgresStore::PostgresStore(asio::io_context& io, PostgresOptions options) {
  try {
    impl_ = std::make_unique<Impl>(io, std::move(options));
  } catch (const PostgresError& error) {
    throw std::runtime_error(std::string("store: PostgreSQL can't be used: ") + error.what());
  }
}
PostgresStore::~PostgresStore() = default;

void PostgresStore::commit(Change change, std::function<void(CommitResult)> done) {
  impl_->commit(std::move(change), std::move(done));
}

bool PostgresStore::full() const { return waiting() >= kFullAt || !away().empty(); }

void PostgresStore::adopt(std::function<void(std::vector<Event>)> page) { impl_->adopt(std::move(page)); }
std::vector<Event> PostgresStore::lapsed() { return impl_->lapsed(); }

void PostgresStore::tasks(TaskQuery query, std::function<void(Listing<TaskView>)> done) {
  Reader& reader = query.id.empty() ? impl_->lists() : impl_->quick();  // one task is found at once
  impl_->ask<Listing<TaskView>>(
      reader,
      [query = std::move(query), rules = impl_->rules()](postgres::Connection& db) {
        return list_tasks(db, *rules, query);
      },
      std::move(done));
}

void PostgresStore::deliveries(DeliveryQuery query, std::function<void(Listing<DeliveryView>)> done) {
  Reader& reader = query.no ? impl_->quick() : impl_->lists();
  impl_->ask<Listing<DeliveryView>>(
      reader, [query = std::move(query)](postgres::Connection& db) { return list_deliveries(db, query); },
      std::move(done));
}

void PostgresStore::events(EventQuery query, std::function<void(EventPage)> done) {
  impl_->ask<EventPage>(
      impl_->lists(), [query = std::move(query)](postgres::Connection& db) { return list_events(db, query); },
      std::move(done));
}

void PostgresStore::outgoing(DeliveryNo no, std::function<void(std::optional<Outgoing>)> done) {
  impl_->outgoing(no, std::move(done));
}

void PostgresStore::counts(std::function<void(StoreCounts)> done) {
  impl_->ask<StoreCounts>(
      impl_->quick(), [](postgres::Connection& db) { return count(db); }, std::move(done));
}

void PostgresStore::prune(WallTime before, std::function<void(std::size_t)> done) {
  impl_->writer().prune(before, std::move(done));
}

void PostgresStore::close() { impl_->close(); }
void PostgresStore::reload(StoreRules rules) { impl_->use(std::move(rules)); }
std::size_t PostgresStore::waiting() const { return impl_->writer().waiting(); }
std::optional<std::chrono::steady_clock::time_point> PostgresStore::busy_since() const {
  return impl_->writer().busy_since();
}
std::string PostgresStore::broken() const { return {}; }
std::string PostgresStore::away() const { return impl_->standing().away(); }
std::optional<Sharing> PostgresStore::sharing() const { return impl_->standing().sharing(); }
void PostgresStore::refresh(const TaskKey& key, bool pictures_missing, std::function<void()> here) {
  impl_->refresh(key, pictures_missing, std::move(here));
}

}  // namespace mjwatchd::store
