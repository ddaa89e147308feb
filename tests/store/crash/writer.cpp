// A program that commits and says so, until it is killed.
//
//   store_crash_writer write FOLDER PREFIX   works on tasks PREFIX0, PREFIX1, …; for each change that was
//                                            answered, and only then, it writes a line
//   store_crash_writer limit FOLDER          meets a limit on the size of files, and goes on when it is lifted
//   store_crash_writer open FOLDER           opens as nobody, and writes what it was told
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <asio/io_context.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "daemon/store/sqlite_store.hpp"
#include "tests/store/changes.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store;
using namespace mjwatchd::store::test;

namespace {

constexpr int kAtOnce = 48;

[[noreturn]] void wrong(const std::string& what) {
  std::fprintf(stderr, "store_crash_writer: %s\n", what.c_str());
  std::_Exit(1);
}

/// One write, so that no line is ever half there.
void say(const std::string& line) {
  const std::string whole = line + "\n";
  if (::write(STDOUT_FILENO, whole.data(), whole.size()) != static_cast<ssize_t>(whole.size())) std::_Exit(0);
}

StoreRules rules() {
  StoreRules rules = usual_rules();
  rules.default_list = {"app", "ce", "all"};
  return rules;
}

/// Takes tasks through their lives, many at a time.
class Life {
 public:
  Life(SqliteStore& store, std::string prefix) : store_(store), prefix_(std::move(prefix)) {
    for (int i = 0; i < kAtOnce; ++i) begin();
  }

 private:
  template <typename Next>
  void commit(Change change, Next next) {
    store_.commit(std::move(change), [next](const CommitResult& result) {
      if (result.code != Code::done) wrong("a change failed: " + result.detail);
      next(result);
    });
  }

  void begin() {
    const std::string id = prefix_ + std::to_string(next_++);
    commit(registration(id), [this, id](const CommitResult&) {
      say("registered " + id);
      start(id);
    });
  }
  void start(const std::string& id) {
    auto change = running(id, 1);
    change.events = {EventType::started, EventType::progress};
    commit(change, [this, id](const CommitResult& result) {
      say("event " + id + " " + result.events.at(0).webhook_id);
      say("event " + id + " " + result.events.at(1).webhook_id);
      finish(id);
    });
  }
  void finish(const std::string& id) {
    commit(success(id), [this, id](const CommitResult& result) {
      say("event " + id + " " + result.events.at(0).webhook_id);
      say("ended " + id);
      for (const auto& delivery : result.deliveries) deliver(delivery.no);
      begin();
    });
  }
  void deliver(DeliveryNo no) {
    change::Delivery change;
    change.no = no;
    change.state = DeliveryState::delivered;
    change.attempts = 1;
    change.result = SendResult{};
    change.result->http_status = 204;
    commit(change, [no](const CommitResult&) { say("delivered " + std::to_string(no)); });
  }

  SqliteStore& store_;
  std::string prefix_;
  int next_ = 0;
};

int write_until_killed(const std::string& folder, const std::string& prefix) {
  asio::io_context io;
  SqliteStore store(io, {folder, rules(), webhooks::SecretBox(std::string(32, 'k'))});
  const Life life(store, prefix);
  io.run();
  return 1;
}

void limit_files(rlim_t bytes) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) != 0) wrong("getrlimit");
  limit.rlim_cur = bytes;
  if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) wrong("setrlimit");
}

CommitResult commit(asio::io_context& io, SqliteStore& store, Change change) {
  std::optional<CommitResult> answer;
  store.commit(std::move(change), [&](CommitResult result) { answer = std::move(result); });
  io.restart();
  io.run();
  if (!answer) wrong("no answer");
  return *answer;
}

int meet_limit(const std::string& folder) {
  std::signal(SIGXFSZ, SIG_IGN);
  asio::io_context io;
  SqliteStore store(io, {folder, rules(), webhooks::SecretBox(std::string(32, 'k'))});
  limit_files(300'000);
  // When the log has no more room it is moved into the file and begun anew; at last neither has any.
  int taken = 0;
  for (int failures = 0; failures < 3;) {
    const auto result = commit(io, store, registration(std::to_string(taken)));
    if (result.code == Code::done) {
      ++taken;
      failures = 0;
    } else if (result.code == Code::full) {
      ++failures;
    }
    if (taken == 5000) wrong("the limit was not met");
  }
  if (taken == 0) wrong("no room for anything");
  if (!store.broken().empty()) wrong("a limit is no broken disk: " + store.broken());
  limit_files(RLIM_INFINITY);
  if (commit(io, store, registration("again")).code != Code::done) wrong("did not go on with room");
  say("taken " + std::to_string(taken + 1));
  return 0;
}

int open_as_nobody(const std::string& folder) {
  if (::getuid() == 0 && ::setuid(65534) != 0) wrong("setuid");
  asio::io_context io;
  try {
    const SqliteStore store(io, {folder, rules(), webhooks::SecretBox(std::string(32, 'k'))});
    say("opened");
  } catch (const std::runtime_error& error) {
    say(error.what());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  spdlog::set_level(spdlog::level::off);  // its lines would stand among ours
  try {
    if (what == "write" && argc == 4) return write_until_killed(argv[2], argv[3]);
    if (what == "open" && argc == 3) return open_as_nobody(argv[2]);
    if (what == "limit" && argc == 3) return meet_limit(argv[2]);
  } catch (const std::exception& error) {
    wrong(error.what());
  }
  wrong("usage: write FOLDER PREFIX | limit FOLDER | open FOLDER");
}
