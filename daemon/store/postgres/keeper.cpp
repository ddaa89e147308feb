#include "daemon/store/postgres/keeper.hpp"

#include <poll.h>
#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <charconv>

#include "daemon/store/postgres/schema.hpp"

namespace mjwatchd::store::postgres {
namespace {

constexpr std::int64_t kJoinLock = 0x6d6a6a6f696e;  ///< "mjjoin"
constexpr milliseconds kLook{1'000};                ///< how often is looked for daemons that came or died
constexpr milliseconds kSoon{5};                    ///< and for the writer, while something is being given up

constexpr const char* kBury =
    "DELETE FROM daemons WHERE no IN (SELECT no FROM daemons WHERE beat + lease < clock_timestamp() "
    "FOR UPDATE SKIP LOCKED)";

std::string interval(milliseconds time) { return std::to_string(time.count()) + " milliseconds"; }

}  // namespace

Keeper::Keeper(Loop& loop, Options options, Standing& standing, Settled settled, Heard heard)
    : loop_(loop),
      options_(std::move(options)),
      standing_(standing),
      settled_(std::move(settled)),
      heard_(std::move(heard)),
      call_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  connect();
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "store-keeper");
}

Keeper::~Keeper() { close(); }

void Keeper::begin(Page page) {
  page_ = std::move(page);
  begun_ = true;
  ::eventfd_write(call_.get(), 1);
}

void Keeper::close() {
  {
    const std::lock_guard lock(handled_->mutex);
    closing_ = true;
  }
  ::eventfd_write(call_.get(), 1);
  handled_->wake.notify_all();
  if (!thread_.joinable()) return;
  thread_.join();
  db_.reset();
}

bool Keeper::ending() { return closing_; }

void Keeper::run() {
  while (!ending()) {
    try {
      if (!db_) connect();
      standing_.away({});
      beat();
      if (begun_ && !first_pages_told_) first_pages();
      for (const std::string& note : db_->notes()) hear(note);
      const auto now = Clock::now();
      if (now >= look_at_) {
        look_at_ = now + kLook;
        remove_the_dead();
      }
      go_on_giving_up();
      if (first_pages_told_ && (balance_wanted_ || now >= balance_at_)) balance();
      wait();
    } catch (const PostgresError& error) {
      if (error.lost() || !db_ || !db_->good()) {
        if (standing_.away().empty()) spdlog::warn("PostgreSQL can't be reached: {}", error.what());
        standing_.away(error.what());
      } else {
        spdlog::warn("keeping this daemon's place: {}", error.what());
      }
      db_.reset();
      wait();
    }
  }
  leave();
}

void Keeper::connect() {
  db_ = std::make_unique<Connection>(options_.address);
  db_->script("LISTEN " + channel(*db_));
  if (standing_.last_number() == 0 || !renew()) join();
  balance_wanted_ = true;
  events_since();
  if (first_pages_told_) look_again();
}

// One at a time, so that the first one knows that it is the first.
void Keeper::join() {
  standing_.lose_all();
  surplus_ = {};
  loop_.post([this] {
    if (auto lost = standing_.untold(); page_ && !lost.empty()) page_(std::move(lost));
  });
  const auto began = Clock::now();
  db_->run("BEGIN");
  static_cast<void>(db_->exec("SELECT pg_advisory_xact_lock(?)", {Value(kJoinLock)}));
  db_->run("DELETE FROM daemons WHERE no = ?", standing_.last_number());
  // Whoever had our folder before us has ended, however it did: its lock is ours.
  if (standing_.last_number() == 0) db_->run("DELETE FROM daemons WHERE name = ?", options_.name);
  db_->run(kBury);
  const bool alone = db_->number("SELECT count(*) FROM daemons") == 0;
  // A newcomer takes no part for one lease: until then the others may count on less than they will share.
  const DaemonNo no = db_->number(
      "INSERT INTO daemons(name, beat, lease, counts_from) VALUES (?, clock_timestamp(), ?::interval, "
      "clock_timestamp() + ?::interval) RETURNING no",
      options_.name, interval(options_.lease), interval(alone ? milliseconds(0) : options_.lease));
  static_cast<void>(db_->exec("SELECT pg_notify(?, ?)", {Value(channel(*db_)), Value(std::to_string(no) + " free")}));
  if (!heard_to_) leave_untold(db_->number("SELECT value FROM meta WHERE name = 'events'"));
  db_->run("COMMIT");
  standing_.begin(no, began + options_.lease - options_.lease / 5);
  beat_at_ = began + options_.lease / 3;
  counts_ = alone;
  shared_.reset();
  spdlog::info("this is daemon {} of the watch list{}", no, alone ? "" : ", and others are there");
}

void Keeper::beat() {
  if (Clock::now() < beat_at_) return;
  if (!renew()) join();
}

/// False when the lease has run out.
bool Keeper::renew() {
  const auto began = Clock::now();
  const DaemonNo no = standing_.last_number();
  const std::int64_t there = db_->number(
      "UPDATE daemons SET beat = clock_timestamp() WHERE no = ? AND beat + lease > clock_timestamp() RETURNING no", no);
  beat_at_ = began + options_.lease / 3;
  return there == no && standing_.renew(began + options_.lease - options_.lease / 5);
}

void Keeper::remove_the_dead() {
  db_->run(kBury);
  if (db_->changed() != 0) spdlog::warn("another daemon's lease has run out: its tasks are taken over");
  std::vector<Member> members = read_members();
  if (members.size() == 1 && members.front().self && members.front().newcomer) {  // nobody's share to wait for
    db_->run("UPDATE daemons SET counts_from = clock_timestamp() WHERE no = ?", members.front().number);
    members.front().newcomer = false;
  }
  std::vector<std::pair<DaemonNo, bool>> parts;
  counts_ = false;
  for (const Member& one : members) {
    parts.emplace_back(one.number, !one.newcomer);
    counts_ = counts_ || (one.self && !one.newcomer);
  }
  if (parts != members_) balance_wanted_ = true;
  members_ = std::move(parts);
  standing_.seen(std::move(members));
  if (begun_) share(counts_ ? static_cast<unsigned>(members_.size()) : 0);
}

std::vector<Member> Keeper::read_members() {
  std::vector<Member> members;
  Rows rows = db_->exec(
      "SELECT no, split_part(name, ' ', 1), counts_from > clock_timestamp(), greatest(0, floor(extract(epoch FROM "
      "clock_timestamp() - beat) * 1000))::bigint FROM daemons ORDER BY no",
      {});
  while (rows.next()) {
    const DaemonNo no = rows.integer(0);
    members.push_back(
        {no, rows.text(1), no == standing_.last_number(), rows.integer(2) != 0, milliseconds(rows.integer(3))});
  }
  return members;
}

void Keeper::leave() {
  try {
    if (!db_) return;
    db_->run("DELETE FROM daemons WHERE no = ?", standing_.last_number());
    static_cast<void>(db_->exec("SELECT pg_notify(?, ?)", {Value(channel(*db_)), Value("0 free")}));
  } catch (const PostgresError& error) {
    spdlog::warn("this daemon's tasks are taken over when its lease has run out: {}", error.what());
  }
}

/// For what others call, for our own calls, or for the next thing that is due.
void Keeper::wait() {
  pollfd sources[2] = {{call_.get(), POLLIN, 0}, {db_ ? db_->socket() : -1, POLLIN, 0}};
  const bool soon = surplus_.stage == Surplus::Stage::chosen || surplus_.stage == Surplus::Stage::heard;
  const auto longest = Clock::now() + (db_ && soon ? kSoon : kLook);
  const auto due = std::min(db_ ? beat_at_ : longest, longest);
  const auto time = std::chrono::ceil<milliseconds>(due - Clock::now());
  ::poll(sources, 2, static_cast<int>(std::max<milliseconds::rep>(time.count(), 1)));
  eventfd_t ignored = 0;
  ::eventfd_read(call_.get(), &ignored);
}

// "SENDER WORD …"; we hear ourselves, too.
void Keeper::hear(const std::string& note) {
  const auto first = note.find(' ');
  const auto second = note.find(' ', first + 1);
  const std::string sender = note.substr(0, first);
  const std::string word = note.substr(first + 1, second - first - 1);
  const std::string rest = second == std::string::npos ? std::string() : note.substr(second + 1);
  if (sender == std::to_string(standing_.last_number())) return;
  if (word == "events") {
    events_since();
  } else if (word == "free") {
    balance_wanted_ = true;
    look_at_ = {};
  } else if (word == "gone" || word == "refresh") {
    DaemonNo holder = 0;
    TaskNo task = 0;
    const char* end = rest.data() + rest.size();
    const auto number = std::from_chars(rest.data(), end, holder);
    if (number.ptr < end) std::from_chars(number.ptr + 1, end, task);
    if (holder != standing_.last_number()) return;
    word == "gone" ? task_gone(task) : refresh_wanted(task, rest.ends_with("pictures"));
  } else if (word == "deliveries") {
    deliveries_came(rest);
  } else if (word == "receiver") {
    receiver_changed(rest);
  }
}

}  // namespace mjwatchd::store::postgres
