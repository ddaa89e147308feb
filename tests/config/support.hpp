// What the tests of the configuration share.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "daemon/config/config.hpp"

using Lines = std::vector<std::string>;

/// A file with one gateway and one endpoint, and more keys for the endpoint.
inline mjwatchd::config::Config good(const std::string& endpoint_keys = "", const std::string& url_tail = "") {
  std::string indented;
  for (const char c : endpoint_keys) {
    if (indented.empty() || indented.back() == '\n') indented += "    ";
    indented += c;
  }
  return mjwatchd::config::parse(
      "state_dir: /s\n"
      "gateways: {g: {url: 'https://g.example', token_file: t}}\n"
      "webhooks:\n"
      "  endpoints:\n"
      "    app:\n"
      "      url: https://app.example/hook" +
          url_tail + "\n      secret_file: [a, b]\n" + indented,
      "/etc/mjwatchd/mjwatchd.yaml");
}

/// Everything wrong with a text; empty when it is a good configuration.
inline Lines mistakes(const std::string& yaml) {
  try {
    (void)mjwatchd::config::parse(yaml, "/x.yaml");
    return {};
  } catch (const mjwatchd::config::ConfigError& error) {
    return error.lines;
  }
}

/// Sets (or with null, removes) an environment variable, and puts it back afterwards.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    set(value);
  }
  ~Variable() { set(old_ ? old_->c_str() : nullptr); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  void set(const char* value) {
    if (value == nullptr) {
      unsetenv(name_.c_str());
    } else {
      setenv(name_.c_str(), value, 1);
    }
  }
  std::string name_;
  std::optional<std::string> old_;
};
