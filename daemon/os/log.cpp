#include "daemon/os/log.hpp"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string_view>

#include "daemon/os/fold.hpp"
#include "daemon/os/journal.hpp"

namespace mjwatchd::os {
namespace {

std::string_view payload(const spdlog::details::log_msg& message) {
  return {message.payload.data(), message.payload.size()};
}

// A log that can't be written has nobody to tell; the daemon goes on.
void write_stderr(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = write(STDERR_FILENO, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

/// What the line under way on this thread is about; spdlog's messages have no room for it.
thread_local const About* current = nullptr;

/// A line, ready but for its layout.
struct Line {
  std::chrono::system_clock::time_point at;
  spdlog::level::level_enum level;
  std::string text;
  About about;
};

// What makes two lines of trouble the same.
constexpr char kParting = '\x1f';
std::string kind_of(const Line& line) {
  return std::string(1, static_cast<char>('0' + line.level)) + std::string(line.about.gateway) + kParting +
         std::string(line.about.endpoint) + kParting + line.text;
}

/// Cleans, folds, and hands on to where lines go. Called by any thread, one at a time.
class Sink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  using Write = std::function<void(const Line&)>;
  explicit Sink(Write write) : write_(std::move(write)) {}
  ~Sink() override { tell_repeated(true); }
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const Line line{message.time, message.level, without_secrets(payload(message)), current ? *current : About{}};
    tell_repeated(false);
    if (line.level < spdlog::level::warn || !line.about.folds || fold_.admit(kind_of(line), Fold::Time::clock::now()))
      write_(line);
  }
  void flush_() override { tell_repeated(false); }

  void tell_repeated(bool all) {
    for (const auto& repeated : fold_.due(Fold::Time::clock::now(), all)) {
      const std::string_view kind = repeated.kind;
      const auto first = kind.find(kParting);
      const auto second = kind.find(kParting, first + 1);
      write_({std::chrono::system_clock::now(),
              static_cast<spdlog::level::level_enum>(kind.front() - '0'),
              std::string(kind.substr(second + 1)) + " … repeated " + std::to_string(repeated.times) + " times in " +
                  std::to_string(repeated.within.count()) + " s",
              {{}, kind.substr(1, first - 1), kind.substr(first + 1, second - first - 1), {}}});
    }
  }

  Write write_;
  Fold fold_;
};

spdlog::level::level_enum level_of(const std::string& word) {
  for (const auto level : {spdlog::level::trace, spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                           spdlog::level::err, spdlog::level::off}) {
    if (level_word(level) == word) return level;
  }
  throw std::invalid_argument("\"" + word + "\" is not a log level; allowed: trace, debug, info, warn, error or off");
}

// Datagrams to journald; while it can't take one, the line goes to stderr, which systemd reads as well.
Sink::Write journal_writer(const std::string& identifier) {
  return [identifier, journal = std::make_shared<Journal>()](const Line& line) {
    if (!journal->send(journal_datagram(identifier, line.level, line.text, line.about))) {
      write_stderr(prefixed_line(line.level, line.text));
    }
  };
}

spdlog::sink_ptr sink_of(const std::string& format, const std::string& identifier) {
  if (format == "json") {
    return std::make_shared<Sink>(
        [](const Line& line) { write_stderr(json_line(line.at, line.level, line.text, line.about)); });
  }
  if (format == "auto" && stderr_is_journal()) return std::make_shared<Sink>(journal_writer(identifier));
  if (format != "text" && format != "auto") {
    throw std::invalid_argument("\"" + format + "\" is not a log format; allowed: auto, text or json");
  }
  return std::make_shared<Sink>(
      [](const Line& line) { write_stderr(text_line(line.at, line.level, line.text, line.about)); });
}

}  // namespace

void set_up_log(const std::string& level, const std::string& format, const std::string& identifier) {
  const auto wanted = level_of(level);
  auto logger = std::make_shared<spdlog::logger>(identifier, sink_of(format, identifier));
  logger->set_level(wanted);
  spdlog::set_default_logger(std::move(logger));
}

void set_log_level(const std::string& level) { spdlog::set_level(level_of(level)); }

void note(spdlog::level::level_enum level, const About& about, std::string_view text) {
  current = &about;
  spdlog::log(level, "{}", text);
  current = nullptr;
}

void tend_log() { spdlog::default_logger_raw()->flush(); }

bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat info {};
  if (stream == nullptr || fstat(STDERR_FILENO, &info) != 0) return false;
  return std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino) == stream;
}

}  // namespace mjwatchd::os
