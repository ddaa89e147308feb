// listen: a webhook receiver that verifies and prints, for trying and for scripts.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iostream>

#include "daemon/client/commands.hpp"
#include "daemon/client/json.hpp"
#include "daemon/http/server.hpp"
#include "daemon/webhooks/body.hpp"
#include "daemon/webhooks/signature.hpp"

extern char** environ;  // NOLINT: POSIX declares it nowhere

namespace mjwatchd::client {

namespace {

std::vector<webhooks::SigningKey> read_keys(const std::vector<std::string>& files) {
  std::vector<webhooks::SigningKey> keys;
  for (const auto& file : files) {
    std::ifstream in(file);
    std::string line;
    if (!in || !std::getline(in, line)) throw Trouble(Exit::error, file + ": cannot be read, or is empty");
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    std::string why;
    auto key = webhooks::parse_signing_key(line, &why);
    if (!key) throw Trouble(Exit::error, file + ": " + why);
    keys.push_back(std::move(*key));
  }
  return keys;
}

/// Runs CMD with the body on its standard input and waits for it: webhooks are worked on one at a
/// time, in the order they came. True when it ended with 0. The body goes through an unlinked
/// temporary file, so that a command that doesn't read can't block.
bool run_command(const std::string& command, const std::string& type, const std::string& id, const std::string& body) {
  char path[] = "/tmp/mjwatch-XXXXXX";
  const int fd = ::mkostemp(path, O_CLOEXEC);
  if (fd < 0) return false;
  bool good = ::unlink(path) == 0;
  for (std::size_t at = 0; good && at < body.size();) {
    const auto wrote = ::write(fd, body.data() + at, body.size() - at);
    if (wrote > 0) at += static_cast<std::size_t>(wrote);
    good = wrote > 0 || (wrote < 0 && errno == EINTR);
  }
  good = good && ::lseek(fd, 0, SEEK_SET) == 0;
  good = good && ::setenv("MJWATCH_TYPE", type.c_str(), 1) == 0 && ::setenv("MJWATCH_ID", id.c_str(), 1) == 0;
  posix_spawn_file_actions_t actions;
  if (!good || ::posix_spawn_file_actions_init(&actions) != 0) {
    ::close(fd);
    return false;
  }
  std::string shell = "/bin/sh", option = "-c", text = command;
  char* arguments[] = {shell.data(), option.data(), text.data(), nullptr};
  pid_t child = 0;
  good = ::posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO) == 0 &&
         ::posix_spawn(&child, "/bin/sh", &actions, nullptr, arguments, environ) == 0;
  int result = 0;
  while (good && ::waitpid(child, &result, 0) < 0) good = errno == EINTR;
  good = ::posix_spawn_file_actions_destroy(&actions) == 0 && good;
  good = ::close(fd) == 0 && good;
  return good && WIFEXITED(result) && WEXITSTATUS(result) == 0;
}

class Receiver {
 public:
  Receiver(const Terminal& terminal, bool json, const ListenOrder& order)
      : terminal_(terminal), json_(json), order_(order), keys_(read_keys(order.secret_files)) {}

  Exit run() {
    std::signal(SIGPIPE, SIG_IGN);
    http::ServerHandler handler;
    handler.handle = [this](const http::ServerRequest& request, const http::ResponderPtr& to) { take(request, to); };
    http::Server server(io_, std::move(handler));
    const auto port = server.listen_tcp(order_.host, static_cast<std::uint16_t>(order_.port));
    print("listening on http://" + order_.host + ":" + std::to_string(port) + "\n");
    asio::signal_set signals(io_, SIGINT, SIGTERM);
    signals.async_wait([this](const std::error_code&, int) { io_.stop(); });
    enough_ = [&] {
      signals.cancel();
      server.stop(std::chrono::milliseconds(1000));
    };
    io_.run();
    return Exit::done;
  }

 private:
  void take(const http::ServerRequest& request, const http::ResponderPtr& to) {
    if (request.method != "POST") {
      http::ServerResponse refusal;
      refusal.status = 405;
      refusal.headers.emplace_back("allow", "POST");
      to->reply(std::move(refusal));
      return;
    }
    const auto now = std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now());
    const std::string id(request.header("webhook-id"));
    const auto verdict = webhooks::verify(keys_, id, request.header("webhook-timestamp"),
                                          request.header("webhook-signature"), request.body, now);
    const bool good = verdict == webhooks::Verification::good;
    rapidjson::Document document;
    document.Parse<rapidjson::kParseIterativeFlag>(request.body.data(), request.body.size());
    const bool readable = !document.HasParseError();
    const auto type = readable ? text(document, "type") : std::string();
    const auto task = readable ? text(member(document, "data"), "id") : std::string();
    bool ran = true;
    if (good && !order_.exec.empty()) ran = run_command(order_.exec, type, task.empty() ? id : task, request.body);
    tell(webhooks::iso8601(now), type, id, task, webhooks::describe(verdict), good, ran,
         readable ? &document : nullptr);
    http::ServerResponse response;
    response.status = !good ? 401 : ran ? 204 : 500;
    to->reply(std::move(response));
    if (good && ran && order_.count > 0 && ++taken_ == order_.count) enough_();
  }

  void tell(const std::string& time, const std::string& type, const std::string& id, const std::string& task,
            std::string_view verdict, bool good, bool ran, const rapidjson::Document* body) {
    if (json_) {
      print(R"({"time":)" + json_text(time) + R"(,"verified":)" + (good ? "true" : "false") + R"(,"verdict":)" +
            json_text(verdict) + R"(,"webhook_id":)" + json_text(id) + R"(,"body":)" +
            (body != nullptr ? dump(*body) : "null") + "}\n");
      return;
    }
    const auto word = coloured(terminal_, good ? Colour::green : Colour::red,
                               good ? std::string("verified") : "NOT VERIFIED: " + std::string(verdict));
    print(time + "  " + harmless(type) + "  " + harmless(task) + "  " + harmless(id) + "  " + word +
          (ran ? "" : "  the command failed") + "\n");
  }

  asio::io_context io_;
  Terminal terminal_;
  bool json_;
  const ListenOrder& order_;
  std::vector<webhooks::SigningKey> keys_;
  std::function<void()> enough_;
  int taken_ = 0;
};

}  // namespace

Exit listen(const Terminal& terminal, bool json, const ListenOrder& order) {
  try {
    return Receiver(terminal, json, order).run();
  } catch (const std::system_error& error) {
    throw Trouble(Exit::error, error.what());
  }
}

}  // namespace mjwatchd::client
