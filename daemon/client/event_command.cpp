// events: what happens to tasks, as it happens or as it did.
#include <iostream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "daemon/client/absence.hpp"
#include "daemon/client/commands.hpp"
#include "daemon/client/json.hpp"
#include "mjwatchd/ascii.hpp"

namespace mjwatchd::client {

namespace {

constexpr std::size_t kLongestLine = 4U << 20;

std::string one_line(const rapidjson::Value& event) {
  const auto& data = member(event, "data");
  return text(event, "timestamp") + "  " + text(event, "type") + "  " + text(data, "gateway") + "/" + text(data, "id") +
         "  " + text(data, "status");
}

/// Shows the lines of a stream, and remembers how far it came.
class Shown {
 public:
  explicit Shown(bool json) : json_(json) {}

  /// False when there is no end to a line.
  bool take(std::string_view piece) {
    pending_ += piece;
    for (auto end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n')) {
      const auto line = pending_.substr(0, end);
      pending_.erase(0, end + 1);
      if (!line.empty() && line.front() == '{') show(line);
    }
    return pending_.size() < kLongestLine;
  }
  /// The stream has ended: what was left of a line comes again.
  void ended() { pending_.clear(); }
  void forget() { last_.clear(); }
  /// Empty: none that can be gone on after.
  [[nodiscard]] const std::string& last() const { return last_; }

 private:
  void show(const std::string& line) {
    const auto event = parse_json(line);
    print((json_ ? line : harmless(one_line(event))) + "\n");
    if (auto id = text(event, "id"); !id.empty()) last_ = std::move(id);
  }

  bool json_;
  std::string pending_, last_;
};

Call call_of(const EventsOrder& order) {
  std::string types;
  for (const auto& type : order.types) types += (types.empty() ? "" : ",") + type;
  return {.path = "/v1/events" + query({{"task", order.task}, {"gateway", order.gateway}, {"type", types}}),
          .headers = {"Accept: application/x-ndjson"},
          .timeout_ms = order.follow ? 0 : 2000};
}

std::string go_on_after(const std::string& event) { return "Last-Event-ID: " + event; }

/// As events happen, beyond the daemon's being started anew: it is asked for those after the last one that came.
class Following {
 public:
  Following(Session& session, const EventsOrder& order)
      : session_(session), since_(order.since), call_(call_of(order)) {
    call_.on_head = [this](std::string_view line) { begun(line); };
    call_.on_piece = [this](std::string_view piece) {
      absence_.back();
      return shown_.take(piece);
    };
  }

  /// Ends by a Trouble only.
  [[noreturn]] void run() {
    const auto plain = call_.headers;
    for (;; std::this_thread::sleep_for(Absence::kLookAgain)) {
      const std::string& after = shown_.last().empty() ? since_ : shown_.last();
      call_.headers = plain;
      if (!after.empty()) call_.headers.push_back(go_on_after(after));
      if (const auto why = listen(); !why.empty()) absence_.goes_on(why);
    }
  }

 private:
  /// A stream says after which event what comes will be.
  void begun(std::string_view line) {
    constexpr std::string_view kAfter = "last-event-id:";
    if (!same_letters(line.substr(0, kAfter.size()), kAfter)) return;
    since_ = trimmed(line.substr(kAfter.size()));
    shown_.forget();  // mostly the same; less after a backup has been restored
    absence_.back();
  }
  /// Answers why the stream is over, nothing when it is only to be begun anew; throws when there was none, and never
  /// will be.
  std::string listen() {
    Answer answer;
    try {
      answer = session_.daemon.call(call_);
    } catch (const Trouble& trouble) {  // it is gone, or was killed
      if (!absence_.met()) throw;
      return trouble.what();
    }
    shown_.ended();
    if (answer.status == 503 && absence_.met()) return problem_text(answer);
    if (answer.status == 410 && absence_.met()) return begin_anew(answer);
    if (!answer.good()) throw Trouble(Exit::error, problem_text(answer));
    absence_.back();
    return "it has ended the stream";
  }

  /// What it would resume after is not kept any more. What comes is still to be shown.
  std::string begin_anew(const Answer& gone) {
    absence_.back();
    std::cerr << "events may have been missed: " << problem_text(gone) << "\n";
    since_.clear();
    shown_.forget();
    return {};
  }

  Session& session_;
  std::string since_;  ///< after this one, while none was shown
  Call call_;
  Shown shown_{session_.json};
  Absence absence_;
};

/// What is kept, until the stream has nothing more at hand.
void show_kept(Session& session, const EventsOrder& order) {
  Shown shown(session.json);
  Call call = call_of(order);
  call.headers.push_back(go_on_after(order.since.empty() ? "0" : order.since));
  call.on_piece = [&shown](std::string_view piece) { return shown.take(piece); };
  try {
    session.daemon.need(call);
  } catch (const Trouble& trouble) {
    if (trouble.code() != Exit::time_up) throw;
  }
}

}  // namespace

Exit events(Session& session, const EventsOrder& order) {
  if (order.follow) Following(session, order).run();
  show_kept(session, order);
  return Exit::done;
}

}  // namespace mjwatchd::client
