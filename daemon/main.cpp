// mjwatchd: reads its arguments and configuration, then hands over to the runtime.
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

#include "daemon/composition.hpp"
#include "daemon/config/config.hpp"
#include "daemon/os/log.hpp"
#include "daemon/os/memory.hpp"
#include "daemon/runtime.hpp"
#include "daemon/store/check.hpp"
#include "daemon/store/postgres/check.hpp"
#include "daemon/store/postgres/import.hpp"
#include "daemon/store/state_folder.hpp"
#include "daemon/webhooks/box_key.hpp"

namespace {

constexpr int kBadConfiguration = 78;  // EX_CONFIG of sysexits.h; the unit does not restart on it

struct Arguments {
  std::string config = "/etc/mjwatchd/mjwatchd.yaml";
  bool check = false;
  bool check_store = false;
  bool print = false;
  std::string import_from;
};

// A socket for every client, gateway call and delivery: take all that the system allows.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

int check(const mjwatchd::config::Config& config) {
  const auto made = mjwatchd::compose(config, 1);
  for (const auto& warning : made.warnings) std::fprintf(stderr, "warning: %s\n", warning.c_str());
  std::printf("%s is good.\n", config.file.c_str());
  return 0;
}

/// Says all that is wrong, or that nothing is.
int tell(const mjwatchd::store::CheckReport& report, const std::string& where, const std::string& cure) {
  for (const auto& wrong : report.wrong) std::fprintf(stderr, "%s: %s\n", where.c_str(), wrong.c_str());
  if (!report.wrong.empty()) {
    std::fprintf(stderr, "What to do: %s\n", cure.c_str());
    return 1;
  }
  std::printf("%s is sound: %lld tasks, %lld events, %lld deliveries.\n", where.c_str(),
              static_cast<long long>(report.tasks), static_cast<long long>(report.events),
              static_cast<long long>(report.deliveries));
  return 0;
}

int check_store(const mjwatchd::config::Config& config) {
  if (config.store != "sqlite") {
    const auto made = mjwatchd::compose(config, 1);
    return tell(
        mjwatchd::store::check_postgres(config.store, made.store_password), "the store in PostgreSQL",
        "stop every mjwatchd that shares it, look at the server's own files (pg_amcheck), and restore a backup.");
  }
  const std::string file = config.state_dir / "mjwatchd.db";
  return tell(mjwatchd::store::check_store(file), file,
              "stop mjwatchd, put " + file +
                  " and its -wal file aside, and restore a backup. Without one, "
                  "\"sqlite3 FILE .recover\" saves what can be read.");
}

/// Each table's progress, at most once a second.
void tell_progress(std::string_view table, std::int64_t done, std::int64_t of) {
  static auto last = std::chrono::steady_clock::now();
  const auto now = std::chrono::steady_clock::now();
  if (done < of && now - last < std::chrono::seconds(1)) return;
  last = now;
  std::fprintf(stderr, "%.*s: %lld of %lld\n", static_cast<int>(table.size()), table.data(),
               static_cast<long long>(done), static_cast<long long>(of));
}

int import(const mjwatchd::config::Config& config, std::string_view from) {
  constexpr std::string_view kScheme = "sqlite:";
  if (!from.starts_with(kScheme) || from.size() == kScheme.size()) {
    throw std::runtime_error("--import-from takes sqlite:PATH, where PATH is the state_dir of the list to be moved");
  }
  if (config.store == "sqlite") {
    throw std::runtime_error("--import-from moves a list into PostgreSQL: set store: postgresql://… in " +
                             config.file.string());
  }
  std::filesystem::path folder(from.substr(kScheme.size()));
  if (folder.filename() == "mjwatchd.db") folder = folder.parent_path();
  if (!std::filesystem::exists(folder / "mjwatchd.db")) {
    throw std::runtime_error("--import-from: there is no mjwatchd.db in " + folder.string());
  }
  // The new list's key is made where its daemon will look for it.
  if (!std::filesystem::exists(config.state_dir)) {
    static_cast<void>(mjwatchd::store::StateFolder::without_database(config.state_dir));
  }
  using mjwatchd::webhooks::load_box_key;
  using mjwatchd::webhooks::SecretBox;
  const auto made = mjwatchd::compose(config, 1);
  const mjwatchd::store::ImportTarget target{{config.store, made.store_password},
                                             SecretBox(load_box_key(config.state_dir))};
  const auto report = mjwatchd::store::import_sqlite(folder, SecretBox(load_box_key(folder)), target, tell_progress);
  std::printf(
      "Moved %lld tasks, %lld events and %lld deliveries from %s. Start mjwatchd with the same configuration.\n",
      static_cast<long long>(report.tasks), static_cast<long long>(report.events),
      static_cast<long long>(report.deliveries), folder.c_str());
  return 0;
}

int serve(mjwatchd::config::Config config) {
  mjwatchd::os::spare_memory();
  mjwatchd::os::set_up_log(config.log.level, config.log.format);
  raise_descriptor_limit();
  try {
    mjwatchd::Runtime runtime(std::move(config));
    return runtime.run();
  } catch (const mjwatchd::config::ConfigError&) {
    throw;
  } catch (const std::exception& error) {
    spdlog::error("mjwatchd can't go on: {}", error.what());
    return 1;
  }
}

}  // namespace

int main(int count, char** words) {
  Arguments arguments;
  CLI::App app{"Watches image tasks, saves their pictures and delivers signed webhooks."};
  app.add_option("--config", arguments.config, "The configuration file")->capture_default_str();
  app.add_flag("--check", arguments.check, "Check the configuration and its secrets, then exit: 0 good, 78 bad");
  app.add_flag("--check-store", arguments.check_store,
               "Look the store over, also of a running mjwatchd, then exit: 0 sound, 1 not");
  app.add_option("--import-from", arguments.import_from,
                 "Move the watch list of sqlite:PATH (a state_dir) into the PostgreSQL that store names, then exit");
  app.add_flag("--print-config", arguments.print, "Print the configuration in force, without secrets, then exit");
  app.set_version_flag("--version", "mjwatchd " MJWATCHD_VERSION);
  try {
    app.parse(count, words);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    auto config = mjwatchd::config::load(arguments.config);
    if (arguments.print) {
      std::fputs(mjwatchd::config::print(config).c_str(), stdout);
      return 0;
    }
    if (!arguments.import_from.empty()) return import(config, arguments.import_from);
    if (arguments.check_store) return check_store(config);
    return arguments.check ? check(config) : serve(std::move(config));
  } catch (const mjwatchd::config::ConfigError& error) {
    for (const auto& line : error.lines) std::fprintf(stderr, "%s\n", line.c_str());
    return kBadConfiguration;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mjwatchd: %s\n", error.what());
    return 1;
  }
}
