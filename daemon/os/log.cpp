#include "daemon/os/log.hpp"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string_view>

#include "daemon/os/descriptor.hpp"
#include "daemon/os/log_format.hpp"

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

// Lines on stderr, each made by a function and written at once.
class StderrSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  using Format = std::function<std::string(const spdlog::details::log_msg&)>;
  explicit StderrSink(Format format) : format_(std::move(format)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override { write_stderr(format_(message)); }
  void flush_() override {}

  Format format_;
};

// Datagrams to journald; while it can't take one, the line goes to stderr, which systemd reads as well.
class JournalSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit JournalSink(std::string identifier)
      : identifier_(std::move(identifier)), socket_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (!send(journal_datagram(identifier_, message.level, payload(message)))) {
      write_stderr(prefixed_line(message.level, payload(message)));
    }
  }
  void flush_() override {}

  bool send(const std::string& datagram) {
    if (!socket_.valid()) return false;
    sockaddr_un journal{};
    journal.sun_family = AF_UNIX;
    constexpr std::string_view kPath = "/run/systemd/journal/socket";
    std::memcpy(journal.sun_path, kPath.data(), kPath.size());
    // Addressed each time: journald may have been restarted.
    return sendto(socket_.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                  reinterpret_cast<const sockaddr*>(&journal), sizeof journal) == static_cast<ssize_t>(datagram.size());
  }

  std::string identifier_;
  Descriptor socket_;
};

spdlog::level::level_enum level_of(const std::string& word) {
  for (const auto level : {spdlog::level::trace, spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                           spdlog::level::err, spdlog::level::off}) {
    if (level_word(level) == word) return level;
  }
  throw std::invalid_argument("\"" + word + "\" is not a log level; allowed: trace, debug, info, warn, error or off");
}

spdlog::sink_ptr sink_of(const std::string& format, const std::string& identifier) {
  if (format == "json") {
    return std::make_shared<StderrSink>([](const auto& m) { return json_line(m.time, m.level, payload(m)); });
  }
  if (format == "auto" && stderr_is_journal()) return std::make_shared<JournalSink>(identifier);
  if (format != "text" && format != "auto") {
    throw std::invalid_argument("\"" + format + "\" is not a log format; allowed: auto, text or json");
  }
  return std::make_shared<StderrSink>([](const auto& m) { return text_line(m.time, m.level, payload(m)); });
}

}  // namespace

void set_up_log(const std::string& level, const std::string& format, const std::string& identifier) {
  const auto wanted = level_of(level);
  auto logger = std::make_shared<spdlog::logger>(identifier, sink_of(format, identifier));
  logger->set_level(wanted);
  spdlog::set_default_logger(std::move(logger));
}

void set_log_level(const std::string& level) { spdlog::set_level(level_of(level)); }

bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat info {};
  if (stream == nullptr || fstat(STDERR_FILENO, &info) != 0) return false;
  return std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino) == stream;
}

}  // namespace mjwatchd::os
