#include "daemon/config/sections.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "daemon/images/s3_address.hpp"
#include "mjwatchd/ascii.hpp"

namespace mjwatchd::config {
namespace {

using namespace std::chrono_literals;

constexpr milliseconds kDay = std::chrono::days(1);

// Placeholders of images.name, and why the ones that tell pictures apart can't be left out.
void check_image_name(Section& images, const std::string& name, bool several_gateways) {
  static const std::vector<std::string_view> kPlaceholders{"gateway", "id", "suffix", "ext"};
  for (std::size_t at = name.find_first_of("{}"); at != std::string::npos; at = name.find_first_of("{}", at + 1)) {
    const std::size_t end = name[at] == '{' ? name.find('}', at) : std::string::npos;
    if (end == std::string::npos) {
      images.error("name", "a brace has no partner; placeholders look like {id}");
      return;
    }
    const std::string word = name.substr(at + 1, end - at - 1);
    if (std::find(kPlaceholders.begin(), kPlaceholders.end(), word) == kPlaceholders.end()) {
      images.error("name", "\"{" + word + "}\" is not a placeholder; allowed: {gateway}, {id}, {suffix} and {ext}");
      return;
    }
    at = end;
  }
  if (name.find("{id}") == std::string::npos || name.find("{suffix}") == std::string::npos) {
    images.error("name", "must hold {id} and {suffix}, or pictures would overwrite each other");
  } else if (several_gateways && name.find("{gateway}") == std::string::npos) {
    images.error("name", "must hold {gateway} when there are several, for they may use the same ids");
  }
  for (const auto& step : std::filesystem::path(name)) {
    if (step == ".." || step == ".") images.error("name", "must not hold \"" + step.string() + "\" as a folder");
  }
  if (name.empty() || name.front() == '/' || name.back() == '/') {
    images.error("name", "must be a file's name relative to images.directory");
  }
}

void read_s3_endpoint(Section& s3, S3& to) {
  std::string text, wrong;
  s3.flag("allow_http", to.allow_http);
  if (!s3.text("endpoint", text)) return;
  const auto url = parse_url(text, wrong);
  if (!url) return s3.error("endpoint", wrong);
  if (url->path != "/" || !url->query.empty()) {
    return s3.error("endpoint", "must be a scheme, a host and a port only, like https://minio.example.com:9000");
  }
  if (url->scheme != "https" && !(url->scheme == "http" && (url->loopback || to.allow_http))) {
    return s3.error("endpoint", "\"" + url->scheme +
                                    "://\" is not allowed there; allowed: https://, http:// to loopback, or any "
                                    "http:// with allow_http: true");
  }
  to.endpoint = url->origin();
}

void read_s3(Section s3, Config& out) {
  S3& to = out.images.s3;
  read_s3_endpoint(s3, to);
  if (s3.text("region", to.region) && !is_name(to.region)) {
    s3.error("region", "\"" + to.region + "\" is not a region's name, which looks like eu-central-1");
  }
  bool path_style = false;
  if (s3.has("path_style")) {
    s3.flag("path_style", path_style);
    to.path_style = path_style;
  }
  const bool access = s3.text("access_key_file", to.access_key_file);
  const bool secret = s3.text("secret_key_file", to.secret_key_file);
  if (access != secret) {
    s3.error(access ? "secret_key_file" : "access_key_file", "is missing: the two keys belong together");
  }
  s3.text("session_token_file", to.session_token_file);
  read_file_name(s3, "ca_file", out.file.parent_path(), to.ca_file);
  s3.refuse_unknown();
}

}  // namespace

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && is_letter_or_digit(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_letter_or_digit(c) || c == '_' || c == '.' || c == '-'; });
}

void read_proxy(Section& section, std::string& out) {
  std::string text;
  if (!section.text("proxy", text)) return;
  std::string wrong;
  const auto url = parse_url(text, wrong);
  if (!url) return section.error("proxy", wrong);
  if (url->scheme != "http" && url->scheme != "https" && url->scheme != "socks5h") {
    return section.error("proxy", "\"" + url->scheme + "\" is not allowed; allowed: http://, https:// or socks5h://");
  }
  if (url->path != "/" || !url->query.empty()) {
    return section.error("proxy", "must be a scheme, a host and a port only, like http://proxy.example.com:3128");
  }
  out = url->origin();
}

void read_file_name(Section& section, std::string_view key, const std::filesystem::path& beside, std::string& out) {
  std::string text;
  if (!section.text(key, text)) return;
  if (text.empty()) return section.error(key, "must be a file's name");
  out = (beside / text).lexically_normal().string();
  if (access(out.c_str(), R_OK) != 0) section.warn(key, "\"" + out + "\" can't be read at present");
}

void read_ranges(Section& section, std::string_view key, std::vector<std::string>& out) {
  for (const auto& [text, mark] : section.list(key)) {
    std::string wrong;
    if (auto range = parse_cidr(text, wrong)) {
      out.push_back(std::move(*range));
    } else {
      section.error(key, mark, wrong);
    }
  }
}

// Names alone: an address is always taken, and a Host's port is not looked at.
void read_hosts(Section& control, std::vector<std::string>& out) {
  for (auto& [name, mark] : control.list("hosts")) {
    const bool good = !name.empty() && name.size() <= 253 && std::all_of(name.begin(), name.end(), [](char c) {
      return is_letter_or_digit(c) || c == '-' || c == '.' || c == '_';
    });
    if (good) {
      out.push_back(std::move(name));
    } else {
      control.error(
          "hosts", mark,
          "\"" + name + "\" is not a host's name; write it like mjwatchd.example.com, without scheme and port");
    }
  }
}

void read_control(Section control, Control& out) {
  if (control.text("socket", out.socket)) {
    if (out.socket.empty() || out.socket.front() != '/') {
      control.error("socket", "must be an absolute path, like /run/mjwatchd/mjwatchd.sock");
    } else if (out.socket.size() > 107) {  // sockaddr_un::sun_path with its final NUL
      control.error("socket", "is longer than the 107 bytes that a socket's path may have");
    }
  }
  std::string mode;
  if (control.text("mode", mode)) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(mode.data(), mode.data() + mode.size(), value, 8);
    if (mode.empty() || error != std::errc{} || end != mode.data() + mode.size() || value > 0777) {
      control.error("mode", "\"" + mode + "\" is not allowed; allowed: an octal mode from 0000 to 0777, like \"0660\"");
    } else {
      out.mode = value;
    }
  }
  const bool listens = control.text("listen", out.listen);
  const bool has_token = control.text("token_file", out.token_file) && !out.token_file.empty();
  if (listens) {
    std::string wrong;
    const auto address = parse_host_port(out.listen, wrong);
    if (!address) {
      control.error("listen", wrong);
    } else if (!address->loopback) {
      control.warn("listen", "is not a loopback address; token and data travel unencrypted, put TLS before it");
    }
    if (!has_token) control.error("listen", "needs control.token_file, or anyone could use the daemon");
  } else if (has_token) {
    control.warn("token_file", "is not used without control.listen");
  }
  read_hosts(control, out.hosts);
  if (!listens && !out.hosts.empty()) control.warn("hosts", "is not used without control.listen");
  control.refuse_unknown();
}

void read_watch(Section watch, Config& out) {
  watch.duration("expire_after", out.watch.expire_after, 1s, 365 * kDay);
  watch.duration("stall_after", out.watch.stall_after, 1s, 365 * kDay);
  watch.duration("missing_grace", out.watch.missing_grace, 1s, kDay);
  watch.duration("max_gap", out.watch.max_gap, 1s, kDay);
  watch.duration("retain", out.retain, 1s, 3650 * kDay);
  watch.size("store_max_size", out.store_max_size, 1ULL << 20);
  watch.refuse_unknown();
}

void read_images(Section images, Config& out) {
  Images& to = out.images;
  if (images.text("directory", to.directory)) {
    if (to.directory.empty()) {
      images.error("directory", "must be a folder's name");
    } else if (std::string wrong; to.directory.starts_with("s3://") && !images::parse_s3_place(to.directory, wrong)) {
      images.error("directory", wrong);
    }
  }
  read_s3(images.sub("s3"), out);
  if (const auto mode = images.choice("save", {"image", "all", "video", "none"})) {
    to.save = static_cast<SaveMode>(*mode);
  }
  if (images.text("name", to.name)) check_image_name(images, to.name, out.gateways.size() > 1);
  images.flag("seed", to.seed);
  images.duration("seed_wait", to.seed_wait, 0s, 1h);
  images.duration("give_up", to.give_up, 1s, 30 * kDay);
  images.size("keep_free", to.keep_free, 0);
  images.flag("prune", to.prune);
  images.size("max_size", to.max_size, 1024);
  read_ranges(images, "allow", to.allow);
  read_proxy(images, to.proxy);
  images.refuse_unknown();
}

void read_log(Section log, Log& out) {
  static const std::vector<std::string_view> kLevels{"trace", "debug", "info", "warn", "error", "off"};
  static const std::vector<std::string_view> kFormats{"auto", "text", "json"};
  if (const auto level = log.choice("level", kLevels)) out.level = kLevels[*level];
  if (const auto format = log.choice("format", kFormats)) out.format = kFormats[*format];
  log.refuse_unknown();
}

}  // namespace mjwatchd::config
