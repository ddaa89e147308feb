// mjwatch: the daemon's client.
#include <curl/curl.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <functional>
#include <iostream>

#include "daemon/client/commands.hpp"
#include "daemon/client/simulate.hpp"

namespace {

using namespace mjwatchd::client;

/// Everything that can be typed, and the command that was.
struct CommandLine {
  std::string socket = "/run/mjwatchd/mjwatchd.sock";
  bool json = false;
  std::string id, gateway, file, action, name;
  std::vector<std::string> ids;
  int number = 0;
  AddOrder add;
  ListOrder list;
  WaitOrder wait;
  EventsOrder events;
  DeliveriesOrder deliveries;
  ReplayOrder replay;
  ListenOrder listen;
  StatusOrder status;
  TopOrder top;
  SimulateOrder simulate;
  std::function<Exit(Session&)> run;
};

void declare_tasks(CLI::App& app, CommandLine& line) {
  auto* add = app.add_subcommand("add", "Watch tasks");
  add->add_option("ID", line.add.ids, "Tasks");
  add->add_option("--gateway", line.add.gateway, "Gateway; default: the configuration's first");
  add->add_option("--webhook", line.add.webhooks, "Endpoint by name, or a URL; replaces the default ones")
      ->allow_extra_args(false);  // each takes one word: what follows is a task
  add->add_option("--secret-file", line.add.secret_file, "Secret that signs for a URL");
  add->add_flag("--no-webhooks", line.add.no_webhooks, "Send no webhooks");
  add->add_option("--event", line.add.events, "Event types to send, such as task.succeeded")->allow_extra_args(false);
  add->add_option("--meta", line.add.meta, "KEY=VALUE that comes back in the webhook")->allow_extra_args(false);
  add->add_option("--save", line.add.save, "image, all, video or none");
  add->add_option("--action", line.add.action, "IMAGINE, UPSCALE, …: helps the schedule");
  add->add_option("--from", line.add.from, "File (- is standard input) with an id or a JSON registration a line");
  add->callback([&line] { line.run = [&line](Session& s) { return mjwatchd::client::add(s, line.add); }; });

  auto* list = app.add_subcommand("list", "List tasks, newest first");
  list->add_option("--status", line.list.status, "SUCCESS, IN_PROGRESS, …");
  list->add_option("--gateway", line.list.gateway);
  auto* active = list->add_flag("--active", line.list.active, "Only those not done");
  list->add_flag("--ended", line.list.ended, "Only those done")->excludes(active);
  list->add_option("--limit", line.list.limit)->capture_default_str()->check(CLI::Range(1, 1000000));
  list->add_flag("--all", line.list.all, "Without a limit");
  list->callback([&line] { line.run = [&line](Session& s) { return mjwatchd::client::list(s, line.list); }; });

  auto* show = app.add_subcommand("show", "Show a task whole");
  show->add_option("ID", line.id)->required();
  show->add_option("--gateway", line.gateway);
  show->callback(
      [&line] { line.run = [&line](Session& s) { return mjwatchd::client::show(s, line.id, line.gateway); }; });

  for (const bool removes : {true, false}) {
    auto* command =
        app.add_subcommand(removes ? "rm" : "refresh", removes ? "Stop watching tasks" : "Ask the gateway now");
    command->add_option("ID", line.ids)->required();
    command->add_option("--gateway", line.gateway);
    command->callback([&line, removes] {
      line.run = [&line, removes](Session& s) {
        return removes ? forget(s, line.ids, line.gateway) : mjwatchd::client::refresh(s, line.ids, line.gateway);
      };
    });
  }

  auto* wait = app.add_subcommand("wait", "Wait until tasks have ended; exit code 3 when one ended without success");
  wait->add_option("ID", line.wait.ids)->required();
  wait->add_option("--gateway", line.wait.gateway);
  wait->add_option("--save", line.wait.save_directory, "Copy the pictures to this directory");
  wait->add_option("--timeout", line.wait.timeout, "Such as 5m; then exit code 4");
  wait->callback([&line] { line.run = [&line](Session& s) { return mjwatchd::client::wait(s, line.wait); }; });

  auto* save = app.add_subcommand("save", "Copy a task's picture");
  save->add_option("ID", line.id)->required();
  save->add_option("FILE", line.file, "- is standard output; default: the picture's own name, here");
  save->add_option("--gateway", line.gateway);
  save->add_option("--number", line.number, "Which picture, from 0")->check(CLI::Range(0, 1000));
  save->callback([&line] {
    line.run = [&line](Session& s) { return mjwatchd::client::save(s, line.id, line.gateway, line.file, line.number); };
  });
}

void declare_webhooks(CLI::App& app, CommandLine& line) {
  auto* events = app.add_subcommand("events", "Show what happened to tasks");
  events->add_flag("--follow,-f", line.events.follow, "Go on with what happens");
  events->add_option("--task", line.events.task);
  events->add_option("--gateway", line.events.gateway);
  events->add_option("--type", line.events.types, "Such as task.succeeded")->allow_extra_args(false);
  events->add_option("--since", line.events.since, "Event id to go on after; 0: the oldest kept");
  events->callback([&line] { line.run = [&line](Session& s) { return mjwatchd::client::events(s, line.events); }; });

  auto* deliveries = app.add_subcommand("deliveries", "List webhooks, or show one with every attempt");
  deliveries->add_option("DELIVERY", line.deliveries.id);
  deliveries->add_option("--state", line.deliveries.state, "pending, delivered, held, dead or superseded");
  deliveries->add_option("--endpoint", line.deliveries.endpoint);
  deliveries->add_option("--task", line.deliveries.task);
  deliveries->add_option("--limit", line.deliveries.limit)->capture_default_str()->check(CLI::Range(1, 1000000));
  deliveries->add_flag("--all", line.deliveries.all, "Without a limit");
  deliveries->callback(
      [&line] { line.run = [&line](Session& s) { return mjwatchd::client::deliveries(s, line.deliveries); }; });

  auto* replay = app.add_subcommand("replay", "Send webhooks again, under the same webhook-id");
  replay->add_option("DELIVERY", line.replay.ids);
  replay->add_option("--endpoint", line.replay.endpoint);
  replay->add_option("--state", line.replay.state);
  replay->add_option("--since", line.replay.since);
  replay->add_option("--until", line.replay.until);
  replay->callback([&line] { line.run = [&line](Session& s) { return mjwatchd::client::replay(s, line.replay); }; });

  auto* endpoints = app.add_subcommand("endpoints", "List receivers; test, enable or disable one");
  endpoints->add_option("ACTION", line.action)->check(CLI::IsMember({"test", "enable", "disable"}));
  endpoints->add_option("NAME", line.name);
  endpoints->callback(
      [&line] { line.run = [&line](Session& s) { return mjwatchd::client::endpoints(s, line.action, line.name); }; });

  auto* status = app.add_subcommand("status", "Show how the daemon is");
  status->add_flag("--check", line.status.check, "Only whether its own parts move; exit code 1 when not");
  status->add_flag("--ready", line.status.ready, "And whether gateways, receivers and disks are well");
  status->callback([&line] { line.run = [&line](Session& s) { return mjwatchd::client::status(s, line.status); }; });

  auto* page = app.add_subcommand("page", "Print a link that opens the daemon's page in a browser, once");
  page->callback([&line] { line.run = [](Session& s) { return mjwatchd::client::page(s); }; });

  auto* top = app.add_subcommand("top", "Watch what is being watched, made and delivered; q leaves");
  top->add_flag("--once", line.top.once, "Show it once, as in a pipe");
  top->add_option("--interval", line.top.interval, "Between two looks, such as 2s")->capture_default_str();
  top->callback([&line] { line.run = [&line](Session& s) { return mjwatchd::client::top(s, line.top); }; });

  auto* listen = app.add_subcommand("listen", "Receive webhooks, verify them and print a line for each");
  listen->add_option("PORT", line.listen.port, "0 picks a free one")
      ->capture_default_str()
      ->check(CLI::Range(0, 65535));
  listen->add_option("--host", line.listen.host)->capture_default_str();
  listen->add_option("--secret-file", line.listen.secret_files, "Secret to verify with; several during a rotation")
      ->required()
      ->allow_extra_args(false);
  listen->add_option("--exec", line.listen.exec,
                     "Run this with the body on standard input, MJWATCH_TYPE and MJWATCH_ID set");
  listen->add_option("--count", line.listen.count, "End after so many verified ones")->check(CLI::Range(0, 1000000000));
  listen->callback([&line] {
    line.run = [&line](Session& s) { return mjwatchd::client::listen(s.terminal, s.json, line.listen); };
  });
}

void declare_simulate(CLI::App& app, CommandLine& line) {
  auto* simulate = app.add_subcommand("simulate", "Tell how late the daemon would be over a trace, and its calls");
  simulate->add_option("TRACE", line.simulate.trace, "JSON lines, a task each; - is standard input")->required();
  simulate->add_option("--batch", line.simulate.batch, "Ids per call")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000));
  simulate->add_option("--call-cost", line.simulate.call_cost, "Waiting that one call is worth")->capture_default_str();
  simulate->add_option("--max-calls-per-minute", line.simulate.max_calls_per_minute, "Default: no limit")
      ->check(CLI::Range(1, 1000000));
  simulate->add_option("--latency", line.simulate.latency, "How long a call takes")->capture_default_str();
  simulate->add_option("--plot", line.simulate.plot, "SVG file: delay against calls for a range of call costs");
  simulate->callback(
      [&line] { line.run = [&line](Session& s) { return mjwatchd::client::simulate(s.json, line.simulate); }; });
}

Exit tell_usage(const CLI::App& app, const CLI::ParseError& error) {
  const auto commands = app.get_subcommands();
  const auto unknown = app.remaining();
  std::string text = error.what();
  if (commands.empty() && unknown.empty()) text = "a command is missing";
  if (commands.empty() && !unknown.empty()) text = "there is no command \"" + unknown.front() + "\"";
  std::cerr << "mjwatch: " << text << "\n"
            << "See: mjwatch " << (commands.empty() ? "" : commands.front()->get_name() + " ") << "--help\n";
  return Exit::usage;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Watches tasks through mjwatchd.");
  app.set_version_flag("--version", "mjwatch " MJWATCHD_VERSION);
  CommandLine line;
  app.add_option("--socket", line.socket, "The daemon's socket")->envname("MJWATCH_SOCKET")->capture_default_str();
  app.add_flag("--json", line.json, "Write JSON, a line per object");
  app.fallthrough();
  app.require_subcommand(1);
  app.footer("Exit codes: 0 done, 1 error, 2 usage, 3 the task ended without success, 4 time is up, 5 no daemon.");
  declare_tasks(app, line);
  declare_webhooks(app, line);
  declare_simulate(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // it asked for help, or for the version
    return static_cast<int>(tell_usage(app, error));
  }
  try {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) throw Trouble(Exit::error, "libcurl cannot be started");
    Session session{Connection(line.socket), standard_output(), line.json};
    return static_cast<int>(line.run(session));
  } catch (const Trouble& trouble) {
    std::cerr << "mjwatch: " << trouble.what() << "\n";
    return static_cast<int>(trouble.code());
  } catch (const std::exception& error) {
    std::cerr << "mjwatch: " << error.what() << "\n";
    return static_cast<int>(Exit::error);
  }
}
