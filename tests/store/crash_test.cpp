#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/store/state.hpp"

using namespace mjwatchd;
using namespace mjwatchd::store;
using namespace mjwatchd::store::test;

namespace {

/// The helper program, running, with its standard output to be read.
class Program {
 public:
  explicit Program(std::vector<std::string> arguments) {
    int ends[2] = {-1, -1};
    REQUIRE(::pipe(ends) == 0);
    arguments.insert(arguments.begin(), CRASH_WRITER);
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (std::string& one : arguments) argv.push_back(one.data());
    argv.push_back(nullptr);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::close(ends[0]);
      ::close(ends[1]);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    ::close(ends[1]);
    out_ = ends[0];
  }
  ~Program() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(out_);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// Reads until so many lines were said, or the end.
  void read_lines(std::size_t many) {
    while (std::count(text_.begin(), text_.end(), '\n') < static_cast<std::ptrdiff_t>(many) && read_some()) {
    }
  }
  /// Kills it, and answers all that it had said by then.
  std::string kill() {
    ::kill(pid_, SIGKILL);
    return rest();
  }
  std::string rest() {
    while (read_some()) {
    }
    ::waitpid(pid_, &status_, 0);
    pid_ = -1;
    return text_;
  }
  [[nodiscard]] int status() const { return status_; }

 private:
  bool read_some() {
    char buffer[4096];
    const ssize_t got = ::read(out_, buffer, sizeof buffer);
    if (got <= 0) return false;
    text_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }
  pid_t pid_ = -1;
  int out_ = -1;
  int status_ = 0;
  std::string text_;
};

/// What was promised, over all lives.
struct Promises {
  std::set<std::string> registered, ended;
  std::map<std::string, std::vector<std::string>> events;  ///< webhook-ids by task
  std::set<DeliveryNo> delivered;

  void add(const std::string& said) {
    std::istringstream lines(said.substr(0, said.rfind('\n') + 1));
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string what, id, more;
      words >> what >> id >> more;
      if (what == "registered") registered.insert(id);
      if (what == "ended") ended.insert(id);
      if (what == "event") events[id].push_back(more);
      if (what == "delivered") delivered.insert(std::stoll(id));
    }
  }
};

std::map<std::string, TaskView> all_tasks(State& state) {
  std::map<std::string, TaskView> all;
  TaskQuery query;
  query.limit = 1000;
  for (;;) {
    const auto page = state.tasks(query);
    for (const auto& task : page) all.emplace(task.record.key.id, task);
    if (page.empty()) return all;
    query.after = page.back().no;
  }
}

void check_promises(State& state, const Promises& promises) {
  const auto tasks = all_tasks(state);
  std::set<std::string> webhook_ids;
  EventQuery query;
  query.limit = 1000;
  for (auto page = state.events(query); !page.events.empty(); page = state.events(query)) {
    for (const auto& event : page.events) webhook_ids.insert(event.webhook_id);
    query.after = page.events.back().no;
  }
  std::size_t lost = 0;
  for (const std::string& id : promises.registered) lost += tasks.contains(id) ? 0 : 1;
  for (const std::string& id : promises.ended) {
    const auto found = tasks.find(id);
    lost += found != tasks.end() && found->second.ending == Ending::succeeded ? 0 : 1;
  }
  for (const auto& [id, ids] : promises.events) {
    for (const auto& one : ids) lost += webhook_ids.contains(one) ? 0 : 1;
  }
  for (const DeliveryNo no : promises.delivered) {
    lost += state.look("SELECT state FROM deliveries WHERE no = " + std::to_string(no)) == 1 ? 0 : 1;
    if (lost > 0) break;
  }
  CHECK(lost == 0);
}

/// No change is there by half: each of these finds what only half of one can leave.
void check_nothing_half(State& state) {
  const std::vector<std::string> halves{
      "tasks WHERE sequence <> (SELECT count(*) FROM events WHERE task = tasks.no)",
      "tasks WHERE (phase = 3) <> (SELECT count(*) FROM events WHERE task = tasks.no AND type = 4)",
      "tasks WHERE (phase = 3) <> (ended_at IS NOT NULL)",
      "tasks WHERE NOT EXISTS (SELECT 1 FROM task_texts WHERE task = tasks.no)",
      "task_texts WHERE NOT EXISTS (SELECT 1 FROM tasks WHERE no = task)",
      // "app" and "ce" hear of the end, "all" of everything.
      "events WHERE (type = 4) * 2 + 1 <> (SELECT count(*) FROM deliveries WHERE event = events.no)",
      "events WHERE type = 4 AND NOT EXISTS (SELECT 1 FROM bodies WHERE event = events.no)",
      "deliveries WHERE NOT EXISTS (SELECT 1 FROM events WHERE no = event)",
      "deliveries WHERE attempts <> (SELECT count(*) FROM attempts WHERE delivery = deliveries.no)",
      "deliveries WHERE (state = 1) <> (attempts = 1)",
      "events WHERE webhook_id IN (SELECT webhook_id FROM events GROUP BY 1 HAVING count(*) > 1)",
      "counters WHERE kind < 10 AND n <> (SELECT count(*) FROM tasks WHERE phase = kind)",
      "counters WHERE kind >= 10 AND n <> (SELECT count(*) FROM deliveries WHERE state = kind - 10)",
      "pragma_integrity_check WHERE integrity_check <> 'ok'"};
  for (const std::string& half : halves) CHECK_MESSAGE(state.look("SELECT count(*) FROM " + half) == 0, half);
}

}  // namespace

TEST_CASE("killed at any moment, again and again, the store keeps what it promised and nothing by half") {
  State state;
  Promises promises;
  std::mt19937 dice(std::random_device{}());
  std::size_t ends = 0;
  for (int life = 0; life < 12; ++life) {
    state.close();
    Program program({"write", state.folder.path.string(), "l" + std::to_string(life) + "-"});
    program.read_lines(1 + dice() % 400);
    const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(dice() % 8000);
    while (std::chrono::steady_clock::now() < until) {
    }
    promises.add(program.kill());
    REQUIRE(WIFSIGNALED(program.status()));
    state.open();
    check_promises(state, promises);
    check_nothing_half(state);
    ends = promises.ended.size();
  }
  CHECK(promises.registered.size() > 100);
  CHECK(ends > 20);
}

TEST_CASE("a limit on the size of files is met without harm, and writing goes on when it is lifted") {
  State state;
  state.close();
  Program program({"limit", state.folder.path.string()});
  const std::string said = program.rest();
  REQUIRE(WIFEXITED(program.status()));
  CHECK(WEXITSTATUS(program.status()) == 0);
  state.open();
  CHECK(said == "taken " + std::to_string(state.counts().watching) + "\n");
  CHECK(state.look("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'") == 1);
}

TEST_CASE("a folder or a file that may not be written is said with its cure") {
  const Folder folder;
  const auto state = folder.path / "state";
  REQUIRE(::chmod(folder.path.c_str(), 0755) == 0);
  std::filesystem::create_directory(state);
  std::string where = (state / "lock").string();
  REQUIRE(::chmod(state.c_str(), 0555) == 0);
  std::string said = Program({"open", state.string()}).rest();
  CHECK_MESSAGE(said.starts_with(where + " can't be opened for writing: Permission denied"), said);
  CHECK(said.find("give the folder to the user mjwatchd runs as") != std::string::npos);
  REQUIRE(::chmod(state.c_str(), 0777) == 0);
  { std::ofstream(state / "mjwatchd.db"); }
  REQUIRE(::chmod((state / "mjwatchd.db").c_str(), 0444) == 0);
  said = Program({"open", state.string()}).rest();
  where = (state / "mjwatchd.db").string();
  CHECK_MESSAGE(said.starts_with(where + " can't be opened for writing: Permission denied"), said);
  REQUIRE(::chmod((state / "mjwatchd.db").c_str(), 0666) == 0);
  CHECK(Program({"open", state.string()}).rest() == "opened\n");
}
