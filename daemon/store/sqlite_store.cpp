#include "daemon/store/sqlite_store.hpp"

#include <spdlog/spdlog.h>

#include <optional>
#include <utility>

#include "daemon/store/adoption.hpp"
#include "daemon/store/lists.hpp"
#include "daemon/store/loop.hpp"
#include "daemon/store/reader.hpp"
#include "daemon/store/schema.hpp"
#include "daemon/store/state_folder.hpp"
#include "daemon/store/writer.hpp"

namespace mjwatchd::store {

/// Puts the parts together: the folder, the writer, and two readers — one for what the core needs at
/// once, one for lists, which may take their time.
class SqliteStore::Impl {
 public:
  Impl(asio::io_context& io, SqliteOptions options)
      : folder_(std::in_place, std::move(options.directory)),
        loop_(io),
        secrets_(options.secrets),
        rules_(std::make_shared<const StoreRules>(std::move(options.rules))),
        writer_(loop_, open_for_writing(folder_->database(), Moved::refused, options.getting_on),
                std::move(options.secrets), rules_),
        quick_(open_for_reading(folder_->database())),
        lists_(open_for_reading(folder_->database())) {
    folder_->mark_used();
  }
  ~Impl() { close(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  /// Asks `question` on a reader's thread and answers on the loop's; when the file can't be read, with
  /// unread() and a line in the log. After a `vital` one nothing is written any more.
  template <typename Answer, typename Question>
  void ask(Reader& reader, Question question, std::function<void(Answer)> done, bool vital = false) {
    reader.ask(
        [this, question = std::move(question), done = std::move(done), vital, guard = loop_.guard()](Connection& db) {
          Answer answer{};
          try {
            db.run("BEGIN");
            answer = question(db);
            db.run("COMMIT");
          } catch (const std::exception& error) {
            answer = unread<Answer>();
            reading_failed(db, error, vital);
          }
          loop_.post([done, answer = std::move(answer), guard]() mutable { done(std::move(answer)); });
        });
  }

  /// First of all, where the events begin that will be told as they come.
  void adopt(const std::function<void(std::vector<Event>)>& page) {
    ask<std::optional<EventNo>>(
        quick_, [](Connection& db) { return db.number("SELECT max(seq) FROM sqlite_sequence WHERE name = 'events'"); },
        [rules = rules_](std::optional<EventNo> last) {
          if (last && rules->untold) rules->untold(*last);
        });
    adopt_page(std::make_shared<Adoption>(), page);
  }

  void adopt_page(const std::shared_ptr<Adoption>& adoption, const std::function<void(std::vector<Event>)>& page) {
    // The next page is read when this one was taken, so that no more than one is in memory.
    ask<std::vector<Event>>(
        quick_, [adoption](Connection& db) { return adoption->next(db); },
        [this, adoption, page, open = loop_.open()](std::vector<Event> events) {
          const bool last = events.empty();
          page(std::move(events));
          if (!last && *open) adopt_page(adoption, page);
        },
        true);  // who took up only a part must not go on as if it were all
  }

  /// What is asked for while the last of these are read is read together, in one transaction: the more there is to
  /// do, the fewer calls from thread to thread.
  void outgoing(DeliveryNo no, std::function<void(std::optional<Outgoing>)> done) {
    wanted_.push_back({no, std::move(done)});
    if (!std::exchange(reading_, true)) loop_.post([this] { read_wanted(); });
  }

  void close() {
    loop_.shut();
    quick_.close();
    lists_.close();
    writer_.close();  // last: the last connection to be closed tidies the file
    folder_.reset();
  }

  void use(StoreRules rules) {
    rules_ = std::make_shared<const StoreRules>(std::move(rules));
    writer_.use(rules_);
  }

  Writer& writer() { return writer_; }
  [[nodiscard]] const Writer& writer() const { return writer_; }
  Reader& quick() { return quick_; }
  Reader& lists() { return lists_; }
  [[nodiscard]] std::shared_ptr<const StoreRules> rules() const { return rules_; }

 private:
  struct Wanted {
    DeliveryNo no;
    std::function<void(std::optional<Outgoing>)> done;
  };

  void read_wanted() {
    const auto wanted = std::make_shared<const std::vector<Wanted>>(std::exchange(wanted_, {}));
    std::vector<DeliveryNo> numbers;
    for (const Wanted& one : *wanted) numbers.push_back(one.no);
    ask<std::vector<std::optional<Outgoing>>>(
        quick_, [this, numbers = std::move(numbers)](Connection& db) { return load_outgoing(db, secrets_, numbers); },
        [this, wanted, open = loop_.open()](std::vector<std::optional<Outgoing>> found) {
          reading_ = !wanted_.empty();
          if (reading_) read_wanted();
          if (found.empty()) found.assign(wanted->size(), not_now());  // the file can't be read; it is asked again
          for (std::size_t i = 0; i < wanted->size() && *open; ++i) (*wanted)[i].done(std::move(found[i]));
        });
  }

  void reading_failed(Connection& db, const std::exception& error, bool vital) {
    spdlog::error("the store can't be read: {}", error.what());
    const auto* sqlite = dynamic_cast<const SqliteError*>(&error);
    if (vital || (sqlite != nullptr && sqlite->fatal())) writer_.stop_writing(error.what());
    try {
      if (db.in_transaction()) db.run("ROLLBACK");
    } catch (const SqliteError& again) {
      spdlog::error("the store can't be read: {}", again.what());
    }
  }

  std::optional<StateFolder> folder_;
  Loop loop_;
  webhooks::SecretBox secrets_;
  std::shared_ptr<const StoreRules> rules_;
  Writer writer_;
  Reader quick_;
  Reader lists_;
  std::vector<Wanted> wanted_;  ///< deliveries to be read
  bool reading_ = false;        ///< others are being read, or these will be at once
};

SqliteStore::SqliteStore(asio::io_context& io, SqliteOptions options)
    : impl_(std::make_unique<Impl>(io, std::move(options))) {}
SqliteStore::~SqliteStore() = default;

void SqliteStore::commit(Change change, std::function<void(CommitResult)> done) {
  impl_->writer().commit(std::move(change), std::move(done));
}

bool SqliteStore::full() const { return waiting() >= kFullAt; }

void SqliteStore::adopt(std::function<void(std::vector<Event>)> page) { impl_->adopt(page); }

void SqliteStore::tasks(TaskQuery query, std::function<void(Listing<TaskView>)> done) {
  Reader& reader = query.id.empty() ? impl_->lists() : impl_->quick();  // one task is found at once
  impl_->ask(
      reader,
      [query = std::move(query), rules = impl_->rules()](Connection& db) { return list_tasks(db, *rules, query); },
      std::move(done));
}

void SqliteStore::deliveries(DeliveryQuery query, std::function<void(Listing<DeliveryView>)> done) {
  Reader& reader = query.no ? impl_->quick() : impl_->lists();
  impl_->ask(
      reader, [query = std::move(query)](Connection& db) { return list_deliveries(db, query); }, std::move(done));
}

void SqliteStore::events(EventQuery query, std::function<void(EventPage)> done) {
  impl_->ask(
      impl_->lists(), [query = std::move(query)](Connection& db) { return list_events(db, query); }, std::move(done));
}

void SqliteStore::outgoing(DeliveryNo no, std::function<void(std::optional<Outgoing>)> done) {
  impl_->outgoing(no, std::move(done));
}

void SqliteStore::counts(std::function<void(StoreCounts)> done) {
  impl_->ask(
      impl_->quick(), [](Connection& db) { return count(db); }, std::move(done));
}

void SqliteStore::prune(WallTime before, std::function<void(std::size_t)> done) {
  impl_->writer().prune(before, std::move(done));
}

void SqliteStore::close() { impl_->close(); }
void SqliteStore::reload(StoreRules rules) { impl_->use(std::move(rules)); }
std::size_t SqliteStore::waiting() const { return impl_->writer().waiting(); }
std::optional<std::chrono::steady_clock::time_point> SqliteStore::busy_since() const {
  return impl_->writer().busy_since();
}
std::string SqliteStore::broken() const { return impl_->writer().broken(); }

}  // namespace mjwatchd::store
