#include "daemon/images/name_pattern.hpp"

#include <stdexcept>

namespace mjwatchd::images {

namespace {

constexpr std::size_t kLongestPart = 255;  // NAME_MAX of every file system in use

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  for (;;) {
    const auto slash = text.find('/');
    parts.emplace_back(text.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    text.remove_prefix(slash + 1);
  }
}

std::string expand(std::string_view part, const TaskKey& key, std::string_view suffix, std::string_view ext) {
  std::string out;
  while (!part.empty()) {
    const auto open = part.find('{');
    out += part.substr(0, open);
    if (open == std::string_view::npos) break;
    const auto close = part.find('}', open);
    if (close == std::string_view::npos) throw std::invalid_argument("a { is not closed");
    const std::string_view name = part.substr(open + 1, close - open - 1);
    if (name == "gateway") {
      out += key.gateway;
    } else if (name == "id") {
      out += key.id;
    } else if (name == "suffix") {
      out += suffix;
    } else if (name == "ext") {
      out += ext;
    } else {
      throw std::invalid_argument("unknown placeholder {" + std::string(name) +
                                  "}; there are {gateway}, {id}, {suffix} and {ext}");
    }
    part.remove_prefix(close + 1);
  }
  return out;
}

void check_part(const std::string& part) {
  const bool bad = part.empty() || part == "." || part == ".." || part.find('/') != std::string::npos ||
                   part.find('\0') != std::string::npos;
  if (bad) throw std::invalid_argument("a part of the name is empty, dotted or has a slash");
  if (part.size() > kLongestPart) throw std::invalid_argument("a part of the name is longer than 255 bytes");
}

}  // namespace

NamePattern::NamePattern(std::string_view pattern) : parts_(split(pattern)) {
  if (pattern.empty()) throw std::invalid_argument("the name is empty");
  if (pattern.front() == '/') throw std::invalid_argument("the name must be relative to the directory");
  if (pattern.find("{id}") == std::string_view::npos) throw std::invalid_argument("the name needs {id}");
  for (const std::string_view last : {"{suffix}", "{ext}"}) {
    if (parts_.back().find(last) == std::string::npos) {
      throw std::invalid_argument("the last part of the name needs " + std::string(last));
    }
    for (std::size_t i = 0; i + 1 < parts_.size(); ++i) {
      if (parts_[i].find(last) != std::string::npos) {
        throw std::invalid_argument(std::string(last) + " belongs to the last part of the name only");
      }
    }
  }
  static_cast<void>(parts({"gateway", "id"}, 1, ".png"));
}

std::vector<std::string> NamePattern::parts(const TaskKey& key, std::size_t index, std::string_view ext) const {
  const std::string suffix = index == 0 ? "" : "_" + std::to_string(index);
  std::vector<std::string> out;
  for (const std::string& part : parts_) {
    out.push_back(expand(part, key, suffix, ext));
    check_part(out.back());
  }
  return out;
}

bool NamePattern::names_gateway() const {
  for (const std::string& part : parts_) {
    if (part.find("{gateway}") != std::string::npos) return true;
  }
  return false;
}

}  // namespace mjwatchd::images
