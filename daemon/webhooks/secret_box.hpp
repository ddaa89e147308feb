// Secrets given over the socket, encrypted at rest.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mjwatchd::webhooks {

/// AES-256-GCM under one key. A sealed text is bound to its `context` (the task and URL it belongs
/// to), so that rows can't be swapped. Thread-safe.
class SecretBox {
 public:
  /// `key` is 32 bytes.
  explicit SecretBox(std::string_view key);
  [[nodiscard]] std::string seal(std::string_view clear, std::string_view context) const;
  /// Nothing when it was sealed under another key or context, or damaged.
  [[nodiscard]] std::optional<std::string> open(std::string_view sealed, std::string_view context) const;

 private:
  std::string key_;
};

}  // namespace mjwatchd::webhooks
