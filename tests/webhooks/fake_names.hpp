// Names that resolve to what a test wants, and to something else the next time.
#pragma once

#include <string>
#include <vector>

namespace mjwatchd::webhooks::test {

/// While one lives, this program's getaddrinfo(), which libcurl calls, too, answers for the names
/// given here; other names are looked up as ever.
class FakeNames {
 public:
  FakeNames();
  ~FakeNames();
  FakeNames(const FakeNames&) = delete;
  FakeNames& operator=(const FakeNames&) = delete;

  /// Each look-up takes the next of `answers`, the last one again and again. An answer is a list of
  /// numeric addresses, in the order in which they are to be tried.
  void say(const std::string& name, std::vector<std::vector<std::string>> answers);
  /// How often it was asked for.
  [[nodiscard]] int asked(const std::string& name) const;
};

}  // namespace mjwatchd::webhooks::test
