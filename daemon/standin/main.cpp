// mjwatch-gateway: a stand-in for a task gateway, for demos, tests, benchmarks and trying receivers.
#include <CLI/CLI.hpp>
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <csignal>
#include <fstream>
#include <iostream>

#include "daemon/standin/duration.hpp"
#include "daemon/standin/gateway_server.hpp"

namespace {

using namespace mjwatchd::standin;

/// What was typed, as text where it still has to be judged.
struct CommandLine {
  GatewayOptions gateway;
  std::string trace, speed = "1x", token_file, auth = "bearer", picture = "mix", picture_size, misbehave,
                     link_life = "24h";
  std::size_t tasks = 0;
};

void declare(CLI::App& app, CommandLine& line) {
  app.set_version_flag("--version", "mjwatch-gateway " MJWATCHD_VERSION);
  app.add_option("--host", line.gateway.host, "Address to listen on")->capture_default_str();
  app.add_option("--port", line.gateway.port, "Port; 0 picks a free one")->capture_default_str();
  app.add_option("--prefix", line.gateway.prefix, "Path before the task API")->capture_default_str();
  auto* token = app.add_option("--token", line.gateway.token, "Token that calls must carry; none: any call passes");
  app.add_option("--token-file", line.token_file, "File with that token")->excludes(token);
  app.add_option("--auth", line.auth, "Header that carries it")
      ->check(CLI::IsMember({"bearer", "mj-api-secret"}))
      ->capture_default_str();
  app.add_option("--trace", line.trace,
                 "Replay these tasks: JSON lines {\"id\",\"action\",\"submit_ms\",\"timeline\":"
                 "[[offset_ms,\"STATUS\",\"progress\"],…]}; submit_ms counts from the start of this program");
  app.add_option("--tasks", line.tasks, "Make up so many tasks at the start")->check(CLI::Range(0, 1000000));
  app.add_flag("--make-up-unknown", line.gateway.make_up_unknown, "Make a task up when an unknown id is asked for");
  app.add_option("--speed", line.speed, "All timelines run so much faster, such as 20x")->capture_default_str();
  app.add_option("--seed", line.gateway.seed, "Of everything that is drawn")->capture_default_str();
  app.add_option("--picture", line.picture, "Kind of pictures")
      ->check(CLI::IsMember({"png", "jpeg", "webp", "mp4", "mix", "none"}))
      ->capture_default_str();
  app.add_option("--picture-size", line.picture_size, "About, such as 1MB; default: 0.1 to 2 MB, by id");
  app.add_option("--link-life", line.link_life, "Picture links expire so long after the end")->capture_default_str();
  app.add_option("--misbehave", line.misbehave, "Comma-separated list of what to do wrong, see below");
  app.footer("Misbehaviours (a RATE is from 0 to 1, without one: always; TIME as in 500ms, 60s):\n" + describe_vices() +
             "\nControl calls, on a loopback address only:\n"
             "  GET  /_/tasks      the ids it knows\n"
             "  GET  /_/stats      calls counted by kind\n"
             "  GET  /_/told       when a reply first said that a task has ended, in Unix microseconds by id\n"
             "  POST /_/misbehave  {\"misbehave\":\"429:0.1,slow:1s\"}; \"\" stops all\n"
             "  POST /_/task       "
             "{\"id\",\"action\",\"duration\":\"20s\",\"ending\":\"SUCCESS|FAILURE|CANCEL|MODAL|NEVER\",\n"
             "                     \"pictures\":4,\"seed\",\"prompt\"}, all optional; answers {\"id\"}\n"
             "  POST /_/restart    {\"forget\":true,\"down\":\"2s\"}: lose all tasks, answer 503 for a while");
}

[[noreturn]] void refuse(const std::string& option, const std::string& why) { throw CLI::ValidationError(option, why); }

std::string read_token(const std::string& file) {
  std::ifstream in(file);
  std::string token;
  if (!in || !std::getline(in, token)) refuse("--token-file", file + ": cannot be read, or is empty");
  while (!token.empty() && (token.back() == '\r' || token.back() == ' ')) token.pop_back();
  return token;
}

/// Turns the texts into what they mean.
void judge(CommandLine& line) {
  std::string_view speed = line.speed;
  if (speed.ends_with('x')) speed.remove_suffix(1);
  char* end = nullptr;
  const std::string digits(speed);
  line.gateway.speed = std::strtod(digits.c_str(), &end);
  if (digits.empty() || *end != '\0' || !(line.gateway.speed >= 0.001 && line.gateway.speed <= 1e6)) {
    refuse("--speed", "must be such as 20x, from 0.001x to 1000000x");
  }
  if (!line.token_file.empty()) line.gateway.token = read_token(line.token_file);
  line.gateway.auth = line.auth == "bearer" ? Auth::bearer : Auth::mj_api_secret;
  auto& kinds = line.gateway.gallery.kinds;
  if (line.picture == "none") kinds = {};
  if (line.picture == "jpeg") kinds = {PictureKind::jpeg};
  if (line.picture == "webp") kinds = {PictureKind::webp};
  if (line.picture == "mp4") kinds = {PictureKind::mp4};
  if (line.picture == "mix") kinds = {PictureKind::png, PictureKind::jpeg, PictureKind::webp, PictureKind::mp4};
  if (!line.picture_size.empty()) {
    line.gateway.gallery.bytes = parse_size(line.picture_size);
    if (!line.gateway.gallery.bytes) refuse("--picture-size", "must be such as 300KB or 1MB");
  }
  const auto life = parse_duration(line.link_life);
  if (!life) refuse("--link-life", "must be such as 60s or 24h");
  line.gateway.link_life = *life;
}

void fill(GatewayServer& server, const CommandLine& line) {
  server.misbehave(line.misbehave);
  if (!line.trace.empty()) {
    std::ifstream in(line.trace);
    if (!in) throw std::runtime_error(line.trace + ": cannot be read");
    for (auto& script : read_trace(in, line.trace)) {
      if (!server.book().add(std::move(script))) throw std::runtime_error(line.trace + ": too many tasks");
    }
  }
  for (std::size_t i = 0; i < line.tasks; ++i) {
    Wish wish;
    wish.id =
        std::to_string(1'700'000'000'000'000ULL + digest(std::to_string(i), line.gateway.seed) % 99'999'999'999'999ULL);
    wish.seed = line.gateway.seed;
    // Some fail, as some do.
    if (i % 12 == 7) wish.ending = "FAILURE";
    if (!server.make_task(wish)) throw std::runtime_error("too many tasks");
  }
}

int serve(const CommandLine& line) {
  std::signal(SIGPIPE, SIG_IGN);
  asio::io_context io;
  GatewayServer server(io, line.gateway);
  fill(server, line);
  server.start();
  std::cout << "listening on " << server.base_url() << std::endl;
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](const std::error_code& error, int) {
    if (error) return;
    server.stop();
    io.stop();
  });
  io.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "A stand-in gateway that speaks the task API, replays recorded or made-up tasks, and draws their pictures.");
  CommandLine line;
  declare(app, line);
  try {
    app.parse(argc, argv);
    judge(line);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    return serve(line);
  } catch (const std::exception& error) {
    std::cerr << "mjwatch-gateway: " << error.what() << "\n";
    return 1;
  }
}
