// top: what is being watched, made and delivered, as it goes on.
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <iostream>

#include "daemon/client/commands.hpp"
#include "daemon/client/json.hpp"
#include "daemon/client/top_view.hpp"

namespace mjwatchd::client {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostRows = 100;

volatile std::sig_atomic_t ended = 0;

extern "C" void note_end(int) { ended = 1; }
extern "C" void note_size(int) {}  // that a call is interrupted is enough

/// The terminal while the view has it: a screen of its own, keys as they are pressed. Put back at the end, however
/// that comes about.
class Screen {
 public:
  Screen() {
    struct sigaction action {};
    action.sa_handler = note_end;
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
    action.sa_handler = note_size;
    ::sigaction(SIGWINCH, &action, nullptr);
    has_keys_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
    if (has_keys_) {
      termios keys = before_;
      keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
      keys.c_cc[VMIN] = 0;
      keys.c_cc[VTIME] = 0;
      ::tcsetattr(STDIN_FILENO, TCSANOW, &keys);
    }
    print("\x1b[?1049h\x1b[?25l");
  }
  ~Screen() {
    if (has_keys_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    std::cout << "\x1b[?25h\x1b[?1049l" << std::flush;
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  /// Over what was there, without a flicker.
  static void show(const std::string& text) {
    std::string out = "\x1b[H";
    for (std::size_t at = 0; at < text.size();) {
      const auto end = std::min(text.find('\n', at), text.size());
      out += (at > 0 ? "\n" : "") + text.substr(at, end - at) + "\x1b[K";
      at = end + 1;
    }
    print(out + "\x1b[J");
  }

  enum class Woken : unsigned char { time, size, quit };
  /// Until the time is up, the window has another size, or someone wants to leave.
  [[nodiscard]] Woken wait_until(Clock::time_point end) const {
    while (ended == 0) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
      if (left <= 0) return Woken::time;
      pollfd keys{STDIN_FILENO, POLLIN, 0};
      const int ready = ::poll(&keys, has_keys_ ? 1 : 0, static_cast<int>(left));
      if (ready < 0 && errno == EINTR) return ended != 0 ? Woken::quit : Woken::size;
      if (ready <= 0) continue;
      char key = 0;
      if (::read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q') return Woken::quit;
    }
    return Woken::quit;
  }

 private:
  termios before_{};
  bool has_keys_ = false;
};

std::size_t height() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : 24;
}

TopData ask(Connection& daemon) {
  const auto get = [&daemon](const std::string& path) {
    return parse_json(daemon.need(Call{.path = path, .timeout_ms = 10000}).body);
  };
  const auto limit = std::to_string(kMostRows);
  return {get("/v1/status"),
          get("/v1/gateways"),
          get("/v1/endpoints"),
          get("/v1/tasks?active=true&limit=" + limit),
          get("/v1/tasks?active=false&limit=" + limit),
          get("/v1/deliveries?limit=" + limit)};
}

std::string as_json(const TopData& data) {
  return R"({"status":)" + dump(data.status) + R"(,"gateways":)" + dump(member(data.gateways, "gateways")) +
         R"(,"endpoints":)" + dump(member(data.endpoints, "endpoints")) + R"(,"watched":)" +
         dump(member(data.watched, "tasks")) + R"(,"made":)" + dump(member(data.made, "tasks")) + R"(,"deliveries":)" +
         dump(member(data.deliveries, "deliveries")) + "}\n";
}

Exit watch(Session& session, TopData data, std::chrono::milliseconds interval) {
  const Screen screen;
  std::string trouble;
  for (auto next = Clock::now() + interval;; next = Clock::now() + interval) {
    auto woken = Screen::Woken::size;
    while (woken == Screen::Woken::size) {  // what is known, at the present size
      const auto terminal = standard_output();
      const auto rows = height();
      auto text = draw_top(data, terminal, rows - std::min<std::size_t>(rows, 2));
      const auto foot = trouble.empty() ? "q: leave" : trouble + "; trying again. q: leave";
      text +=
          "\n" + coloured(terminal, trouble.empty() ? Colour::dim : Colour::red, fit(harmless(foot), terminal.width));
      Screen::show(text);
      woken = screen.wait_until(next);
    }
    if (woken == Screen::Woken::quit) return Exit::done;
    try {
      data = ask(session.daemon);
      trouble.clear();
    } catch (const Trouble& error) {
      trouble = std::string(error.what()).substr(0, std::string_view(error.what()).find('\n'));
    }
  }
}

}  // namespace

Exit top(Session& session, const TopOrder& order) {
  const std::chrono::milliseconds interval(parse_duration_ms(order.interval));
  if (interval < std::chrono::milliseconds(100)) throw Trouble(Exit::usage, "top: --interval must be 100ms or more");
  auto data = ask(session.daemon);
  if (session.json) {
    print(as_json(data));
    return Exit::done;
  }
  if (session.terminal.interactive && !order.once) return watch(session, std::move(data), interval);
  print(draw_top(data, session.terminal, 0));
  return Exit::done;
}

}  // namespace mjwatchd::client
