// A state folder that goes with its test, and a store in it that is asked like a function.
#pragma once

#include <stdlib.h>

#include <asio/io_context.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/store/changes.hpp"
#include "tests/store/home.hpp"

namespace mjwatchd::store::test {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "mjwatchd-store-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::filesystem::path database() const { return path / "mjwatchd.db"; }

  std::filesystem::path path;
};

class State {
 public:
  explicit State(StoreRules rules = usual_rules());
  /// `at_home` makes the home in its folder.
  using AtHome = std::function<std::unique_ptr<Home>(const std::filesystem::path& folder)>;
  State(StoreRules rules, const AtHome& at_home);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void open();
  void close() { store.reset(); }
  /// Also takes up what is there, as a daemon does before it changes anything.
  void reopen();
  /// Runs the loop until `stop` says true; fails the test after 60 s.
  void run_until(const std::function<bool()>& stop);

  CommitResult commit(Change change);
  std::vector<CommitResult> commit_all(std::vector<Change> changes);
  Listing<TaskView> tasks(TaskQuery query = {});
  TaskView task(const std::string& id);
  Listing<DeliveryView> deliveries(DeliveryQuery query = {});
  DeliveryView delivery(DeliveryNo no);
  EventPage events(EventQuery query = {});
  std::optional<Outgoing> outgoing(DeliveryNo no);
  StoreCounts counts();
  std::size_t prune(WallTime before);
  /// What the last reopen() took up, once; else what a daemon that begins now would.
  std::vector<Event> adopt();
  /// Asks the database itself, as nobody's store would; one number.
  std::int64_t look(const std::string& sql);

  Folder folder;
  std::unique_ptr<Home> home;
  StoreRules rules;
  std::string box_key = std::string(32, 'k');
  asio::io_context io;
  std::unique_ptr<Store> store;

 private:
  std::vector<Event> take_up();
  std::optional<std::vector<Event>> taken_up_;

  template <typename Answer, typename Ask>
  Answer wait_for(Ask ask) {
    std::optional<Answer> answer;
    ask([&answer](Answer given) { answer = std::move(given); });
    run_until([&answer] { return answer.has_value(); });
    return std::move(*answer);
  }
};

/// One attempt was made, and answered with 200.
void deliver(State& state, const DeliveryRecord& delivery, DeliveryState to = DeliveryState::delivered);

/// One finished task and its delivery to "app".
DeliveryRecord finished(State& state, const std::string& id, WallTime at = kNoon + std::chrono::minutes(2));

}  // namespace mjwatchd::store::test
