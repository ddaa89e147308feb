#include "daemon/config/section.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace mjwatchd::config {
namespace {

std::string_view kind_of(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::map:
      return "a map";
    case Node::Kind::list:
      return "a list";
    case Node::Kind::scalar:
      return "a single value";
    case Node::Kind::null:
      break;
  }
  return "nothing";
}

// Numbers as people write them in a message: 5, 0.5.
std::string plain(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) return std::to_string(static_cast<std::int64_t>(value));
  return std::to_string(value);
}

}  // namespace

std::string one_of(const std::vector<std::string_view>& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
    out += words[i];
  }
  return out;
}

Section::Section(Findings& findings, NodePtr node, Mark mark, std::string path)
    : findings_(findings), node_(std::move(node)), mark_(mark), path_(std::move(path)) {
  if (!node_ || node_->kind == Node::Kind::null) {
    node_ = nullptr;
  } else if (node_->kind != Node::Kind::map) {
    findings_.errors.push_back({node_->mark, path_, "is " + std::string(kind_of(node_->kind)) + ", but must be a map"});
    node_ = nullptr;
  }
}

std::string Section::path(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

const Entry* Section::find(std::string_view key) const {
  if (!node_) return nullptr;
  for (const Entry& entry : node_->entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

Mark Section::mark(std::string_view key) const {
  const Entry* entry = find(key);
  if (!entry) return mark_;
  return entry->value && entry->value->kind != Node::Kind::null ? entry->value->mark : entry->mark;
}

bool Section::has(std::string_view key) const {
  const Entry* entry = find(key);
  return entry && entry->value && entry->value->kind != Node::Kind::null;
}

NodePtr Section::take(std::string_view key) {
  known_.emplace_back(key);
  const Entry* entry = find(key);
  return entry && entry->value && entry->value->kind != Node::Kind::null ? entry->value : nullptr;
}

Section Section::sub(std::string_view key) {
  NodePtr node = take(key);
  const Entry* entry = find(key);
  return Section(findings_, std::move(node), entry ? entry->mark : mark_, path(key));
}

std::vector<Entry> Section::named(std::string_view key) {
  const NodePtr node = take(key);
  if (!node) return {};
  if (node->kind != Node::Kind::map) {
    error(key, "is " + std::string(kind_of(node->kind)) + ", but must be a map");
    return {};
  }
  return node->entries;
}

NodePtr Section::scalar(std::string_view key) {
  NodePtr node = take(key);
  if (node && node->kind != Node::Kind::scalar) {
    error(key, "is " + std::string(kind_of(node->kind)) + ", but must be a single value");
    return nullptr;
  }
  return node;
}

bool Section::text(std::string_view key, std::string& out) {
  const NodePtr node = scalar(key);
  if (!node) return false;
  out = node->text;
  return true;
}

void Section::flag(std::string_view key, bool& out) {
  const NodePtr node = scalar(key);
  if (!node) return;
  if (node->text == "true" || node->text == "false") {
    out = node->text == "true";
  } else {
    error(key, "\"" + node->text + "\" is not a truth value; allowed: true or false");
  }
}

void Section::duration(std::string_view key, milliseconds& out, milliseconds least, milliseconds most) {
  const NodePtr node = scalar(key);
  if (!node) return;
  std::string wrong;
  const auto value = parse_duration(node->text, wrong);
  if (!value) {
    error(key, wrong);
  } else if (*value < least || *value > most) {
    error(key,
          "\"" + node->text + "\" is out of range; allowed: " + write_duration(least) + " to " + write_duration(most));
  } else {
    out = *value;
  }
}

void Section::size(std::string_view key, std::uint64_t& out, std::uint64_t least) {
  const NodePtr node = scalar(key);
  if (!node) return;
  std::string wrong;
  const auto value = parse_size(node->text, wrong);
  if (!value) {
    error(key, wrong);
  } else if (*value < least) {
    error(key, "\"" + node->text + "\" is too small; allowed: " + write_size(least) + " or more");
  } else {
    out = *value;
  }
}

std::optional<std::uint64_t> Section::whole_number(std::string_view key, std::uint64_t least, std::uint64_t most) {
  const NodePtr node = scalar(key);
  if (!node) return std::nullopt;
  const std::string& text = node->text;
  std::uint64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc{} || end != text.data() + text.size() || value < least || value > most) {
    error(key, "\"" + text + "\" is not allowed; allowed: a whole number from " + std::to_string(least) + " to " +
                   std::to_string(most));
    return std::nullopt;
  }
  return value;
}

void Section::number(std::string_view key, double& out, double least, double most) {
  const NodePtr node = scalar(key);
  if (!node) return;
  const std::string& text = node->text;
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (fault != std::errc{} || end != text.data() + text.size() || !std::isfinite(value) || value < least ||
      value > most) {
    error(key, "\"" + text + "\" is not allowed; allowed: a number from " + plain(least) + " to " + plain(most));
    return;
  }
  out = value;
}

std::vector<std::pair<std::string, Mark>> Section::list(std::string_view key, bool lone) {
  const NodePtr node = take(key);
  if (!node) return {};
  if (node->kind == Node::Kind::scalar && lone) return {{node->text, node->mark}};
  if (node->kind != Node::Kind::list) {
    error(key, "is " + std::string(kind_of(node->kind)) + ", but must be a list, like [a, b]");
    return {};
  }
  std::vector<std::pair<std::string, Mark>> out;
  for (const NodePtr& item : node->items) {
    if (item->kind == Node::Kind::scalar) {
      out.emplace_back(item->text, item->mark);
    } else {
      error(key, item->mark, "holds " + std::string(kind_of(item->kind)) + ", but may hold only single values");
    }
  }
  return out;
}

std::optional<std::size_t> Section::choice(std::string_view key, const std::vector<std::string_view>& words) {
  const NodePtr node = scalar(key);
  if (!node) return std::nullopt;
  const auto found = std::find(words.begin(), words.end(), node->text);
  if (found == words.end()) {
    error(key, "\"" + node->text + "\" is not allowed; allowed: " + one_of(words));
    return std::nullopt;
  }
  return static_cast<std::size_t>(found - words.begin());
}

void Section::error(std::string_view key, std::string text) { error(key, mark(key), std::move(text)); }
void Section::error(std::string_view key, Mark where, std::string text) {
  findings_.errors.push_back({where, key.empty() ? path_ : path(key), std::move(text)});
}
void Section::warn(std::string_view key, std::string text) {
  findings_.warnings.push_back({mark(key), path(key), std::move(text)});
}

void Section::refuse_unknown() {
  if (!node_) return;
  for (const Entry& entry : node_->entries) {
    if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
    const std::string meant = nearest(entry.key, known_);
    std::vector<std::string_view> words(known_.begin(), known_.end());
    std::sort(words.begin(), words.end());
    words.erase(std::unique(words.begin(), words.end()), words.end());
    findings_.errors.push_back({entry.mark, path(entry.key),
                                meant.empty() ? "is not a key here; allowed: " + one_of(words)
                                              : "is not a key here; did you mean \"" + meant + "\"?"});
  }
}

}  // namespace mjwatchd::config
