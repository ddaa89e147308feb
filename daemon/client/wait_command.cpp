// wait: until every task named has ended.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "daemon/client/absence.hpp"
#include "daemon/client/commands.hpp"
#include "daemon/client/json.hpp"
#include "daemon/client/progress_bars.hpp"

namespace mjwatchd::client {

namespace {

using Clock = std::chrono::steady_clock;

/// One task that is waited for.
struct Waited {
  std::string id;
  std::string ending;  ///< empty while it runs
  ProgressLine line;
  std::string object;  ///< as the daemon last told, for --json
};

int percent_of(const rapidjson::Value& task) {
  const auto progress = text(task, "progress");
  int value = -1;
  const auto [end, error] = std::from_chars(progress.data(), progress.data() + progress.size(), value);
  return error == std::errc{} ? std::clamp(value, 0, 100) : -1;
}

void learn(Waited& waited, const rapidjson::Value& task) {
  const auto ending = text(task, "ending");
  waited.ending = ending == "none" ? "" : ending;
  waited.line.percent = waited.ending == "succeeded" ? 100 : percent_of(task);
  waited.line.state = waited.ending;
  if (waited.ending.empty()) waited.line.state = text(task, "phase") == "saving" ? "saving" : text(task, "status");
  waited.object = dump(task);
}

class Waiting {
 public:
  Waiting(Session& session, const WaitOrder& order) : session_(session), order_(order), bars_(session.terminal) {
    for (const auto& id : order.ids) waited_.push_back(Waited{id, {}, {id, "", -1}, {}});
    if (!order.timeout.empty()) deadline_ = Clock::now() + std::chrono::milliseconds(parse_duration_ms(order.timeout));
  }

  Exit run() {
    while (true) {
      const bool last = time_up();
      look_at_all();
      show();
      if (all_ended()) return finish();
      if (last) break;
      block();
    }
    if (session_.json) print_objects();
    const auto left =
        std::count_if(waited_.begin(), waited_.end(), [](const Waited& one) { return one.ending.empty(); });
    std::cerr << "time is up, " << left << " of " << waited_.size() << " tasks have not ended; they stay watched\n";
    return Exit::time_up;
  }

 private:
  [[nodiscard]] bool time_up() const { return deadline_ && Clock::now() >= *deadline_; }
  [[nodiscard]] bool all_ended() const {
    return std::all_of(waited_.begin(), waited_.end(), [](const Waited& one) { return !one.ending.empty(); });
  }

  void look_at_all() {
    for (auto& one : waited_) {
      if (one.ending.empty()) look_at(one, task_path(one.id, order_.gateway));
    }
  }

  /// Leaves `one` as it is when the time is up while the daemon is away.
  void look_at(Waited& one, const std::string& path) {
    for (;; std::this_thread::sleep_for(Absence::kLookAgain)) {
      std::string why;
      try {
        const auto answer = session_.daemon.call(Call{.path = path});
        if (answer.good()) {
          absence_.back();
          return learn(one, parse_json(answer.body));
        }
        why = problem_text(answer);
        if (answer.status != 503 || !absence_.met()) throw Trouble(Exit::error, why);
      } catch (const Trouble& trouble) {
        if (trouble.code() != Exit::unreachable || !absence_.met()) throw;
        why = trouble.what();
      }
      absence_.goes_on(why);
      if (time_up()) return;
    }
  }

  void show() {
    if (session_.json) return;
    std::vector<ProgressLine> lines;
    for (const auto& one : waited_) lines.push_back(one.line);
    const auto text = bars_.update(lines);
    if (!text.empty()) print(text);
  }

  /// Waits in the daemon for the first that runs, a short while, so that the others' progress is
  /// seen too: it costs the daemon nothing, and an end is told at once.
  void block() {
    const auto running =
        std::find_if(waited_.begin(), waited_.end(), [](const Waited& one) { return one.ending.empty(); });
    auto most = std::chrono::milliseconds(1000);
    if (deadline_)
      most = std::min(most, std::chrono::duration_cast<std::chrono::milliseconds>(*deadline_ - Clock::now()));
    most = std::max(most, std::chrono::milliseconds(1));
    auto path = task_path(running->id, order_.gateway);
    path += (path.find('?') == std::string::npos ? "?wait=" : "&wait=") + std::to_string(most.count()) + "ms";
    look_at(*running, path);
  }

  Exit finish() {
    if (session_.json) print_objects();
    bool success = true;
    for (const auto& one : waited_) success = success && one.ending == "succeeded";
    if (!order_.save_directory.empty() && !save_all()) return Exit::error;
    return success ? Exit::done : Exit::without_success;
  }

  void print_objects() {
    for (const auto& one : waited_) print(one.object + "\n");
  }

  bool save_all() {
    std::error_code error;
    std::filesystem::create_directories(order_.save_directory, error);
    if (error) throw Trouble(Exit::error, order_.save_directory + ": " + error.message());
    bool good = true;
    for (const auto& one : waited_) {
      if (one.ending == "succeeded") good = save_one(one) && good;
    }
    return good;
  }

  bool save_one(const Waited& one) {
    const auto task = parse_json(one.object);
    const auto& images = member(task, "images");
    if (!images.IsArray() || images.Empty()) {
      const auto why = text(task, "image_error");
      std::cerr << one.id << ": " << (why.empty() ? "there is no picture" : harmless(why)) << "\n";
      return why.empty();
    }
    for (rapidjson::SizeType i = 0; i < images.Size(); ++i) {
      const auto name = std::filesystem::path(text(images[i], "path")).filename();
      const auto file =
          std::filesystem::path(order_.save_directory) / (name.empty() ? std::filesystem::path(one.id) : name);
      save(session_, one.id, order_.gateway, file.string(), static_cast<int>(i));
    }
    return true;
  }

  Session& session_;
  const WaitOrder& order_;
  ProgressBars bars_;
  std::vector<Waited> waited_;
  std::optional<Clock::time_point> deadline_;
  Absence absence_;
};

}  // namespace

Exit wait(Session& session, const WaitOrder& order) { return Waiting(session, order).run(); }

}  // namespace mjwatchd::client
