#include "daemon/config/config.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>

#include "daemon/config/sections.hpp"
#include "daemon/config/yaml_tree.hpp"
#include "mjwatchd/ascii.hpp"

namespace mjwatchd::config {
namespace {

namespace fs = std::filesystem;

// Quoted YAML can hold line breaks and escapes; a message stays one line that a terminal shows as it is.
std::string one_line(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      append_hex(out, byte);
    } else {
      out += c;
    }
  }
  return out;
}

std::vector<std::string> lines(std::vector<Problem> problems, const fs::path& file) {
  std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
    return a.mark.line != b.mark.line ? a.mark.line < b.mark.line : a.mark.column < b.mark.column;
  });
  std::vector<std::string> out;
  for (const Problem& problem : problems) {
    out.push_back(one_line(file.string() + ":" + std::to_string(problem.mark.line) + ":" +
                           std::to_string(problem.mark.column) + ": " +
                           (problem.key.empty() ? "" : problem.key + ": ") + problem.text));
  }
  return out;
}

void read_state_dir(Section& top, Config& out) {
  std::string text;
  if (top.text("state_dir", text)) {
    if (text.empty() || text.front() != '/') {
      top.error("state_dir", "must be an absolute path, like /var/lib/mjwatchd");
    } else {
      out.state_dir = text;
    }
    return;
  }
  if (top.has("state_dir")) return;
  const char* given = std::getenv("STATE_DIRECTORY");  // systemd.exec(5): a list parted by colons
  const std::string list = given ? given : "";
  out.state_dir = list.substr(0, list.find(':'));
  if (out.state_dir.empty()) {
    top.error("state_dir", "is missing, and there is no $STATE_DIRECTORY; name an absolute folder");
  } else if (out.state_dir.is_relative()) {
    top.error("state_dir", "is missing, and $STATE_DIRECTORY is not an absolute path");
  }
}

/// Whether a URL of a database holds a password: in its authority, or as a parameter.
bool holds_password(const std::string& url) {
  const std::string rest = url.substr(url.find("//") + 2);
  const std::string authority = rest.substr(0, rest.find_first_of("/?"));
  const auto at = authority.rfind('@');
  const bool before_host = at != std::string::npos && authority.substr(0, at).find(':') != std::string::npos;
  return before_host || rest.find("?password=") != std::string::npos || rest.find("&password=") != std::string::npos;
}

void read_store(Section& top, Config& out) {
  using namespace std::chrono_literals;
  top.duration("lease", out.lease, 3s, 1h);
  top.text("store_password_file", out.store_password_file);
  if (!top.text("store", out.store) || out.store == "sqlite") return;
  if (!out.store.starts_with("postgresql://") && !out.store.starts_with("postgres://")) {
    top.error("store", "\"" + out.store + "\" is not allowed; allowed: sqlite, or postgresql://user@host/database");
  } else if (holds_password(out.store)) {
    top.error("store", "holds a password; write that into a file of its own and name it by store_password_file");
  }
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& line : lines) out += (out.empty() ? "" : "\n") + line;
  return out;
}

}  // namespace

ConfigError::ConfigError(std::vector<std::string> all) : std::runtime_error(joined(all)), lines(std::move(all)) {}

Config parse(const std::string& yaml, const fs::path& file) {
  Findings findings;
  Config out;
  out.file = file;
  if (NodePtr root = read_yaml(yaml, findings.errors)) {
    Section top(findings, root, Mark{}, "");
    read_state_dir(top, out);
    read_store(top, out);
    read_control(top.sub("control"), out.control);
    read_gateways(top, out);
    read_watch(top.sub("watch"), out);
    read_images(top.sub("images"), out);
    read_webhooks(top.sub("webhooks"), file.parent_path(), out.webhooks);
    read_log(top.sub("log"), out.log);
    top.refuse_unknown();
  }
  if (!findings.errors.empty()) throw ConfigError(lines(std::move(findings.errors), file));
  if (!out.images.directory.starts_with("s3://")) {
    out.images.directory = (out.state_dir / out.images.directory).lexically_normal().string();
  }
  out.warnings = lines(std::move(findings.warnings), file);
  return out;
}

Config load(const fs::path& file) {
  const auto fail = [&](const std::string& why) -> ConfigError {
    return ConfigError({one_line(file.string() + ":1:1: can't be read: " + why)});
  };
  std::error_code error;
  if (fs::is_directory(file, error)) throw fail("it is a folder");
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw fail(std::strerror(errno == 0 ? EIO : errno));
  // One byte more than the reader takes, so that it can say that a file is too large.
  std::string text((1U << 20) + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad()) throw fail("reading failed");
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return parse(text, fs::absolute(file));
}

Settings core_settings(const Config& config, std::uint64_t seed) {
  Settings out;
  for (const Gateway& gateway : config.gateways) out.gateways[gateway.name] = gateway.polling;
  out.watch = config.watch;
  out.images.give_up = config.images.give_up;
  out.images.seed = config.images.seed;
  out.webhooks.retry = config.webhooks.retry;
  for (const auto& [name, endpoint] : config.webhooks.endpoints) out.webhooks.endpoints[name] = endpoint.limits;
  out.seed = seed;
  return out;
}

}  // namespace mjwatchd::config
