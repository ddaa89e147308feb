// What a run showed: broken promises, a trace for people, and a fingerprint of all that was done.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "mjwatchd/time.hpp"

namespace mjwatchd::sim {

class Findings {
 public:
  /// What becomes of the trace: dropped, kept (its end), or printed as it happens.
  enum class Trace : std::uint8_t { none, keep, print };
  explicit Findings(Trace trace) : trace_(trace) {}

  /// A promise was broken. Only the first are kept: the rest follows from them.
  void broken(milliseconds now, const std::string& what) {
    note(now, "BROKEN ", what);
    if (broken_.size() < 20) broken_.push_back("at " + std::to_string(now.count()) + " ms: " + what);
  }
  /// Something was done: part of the fingerprint, and of the trace.
  template <typename... Parts>
  void did(milliseconds now, const Parts&... parts) {
    mix(now.count());
    (mix(parts), ...);
    note(now, parts...);
  }
  /// For people only.
  template <typename... Parts>
  void note(milliseconds now, const Parts&... parts) {
    if (trace_ != Trace::none) [[unlikely]]
      write(now, parts...);
  }

  [[nodiscard]] const std::vector<std::string>& broken() const { return broken_; }
  [[nodiscard]] std::uint64_t fingerprint() const { return fingerprint_; }
  [[nodiscard]] bool traces() const { return trace_ != Trace::none; }
  /// The trace's end, oldest first.
  [[nodiscard]] const std::deque<std::string>& history() const { return history_; }

 private:
  static constexpr std::size_t kKept = 400;

  template <typename... Parts>
  [[gnu::noinline]] void write(milliseconds now, const Parts&... parts) {
    std::ostringstream line;
    line << now.count() << "  ";
    (line << ... << parts);
    if (trace_ == Trace::print) std::cerr << line.str() << '\n';
    history_.push_back(line.str());
    if (history_.size() > kKept) history_.pop_front();
  }

  void mix(std::string_view text) {  // FNV-1a
    for (const char c : text) fingerprint_ = (fingerprint_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }
  /// What is said in the program itself, eight characters at a time.
  template <std::size_t kAt = 0, std::size_t kSize>
  void mix(const char (&text)[kSize]) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, text + kAt, std::min<std::size_t>(8, kSize - kAt));
    mix(eight);
    if constexpr (kAt + 8 < kSize) mix<kAt + 8>(text);
  }
  void mix(std::integral auto number) {
    fingerprint_ = (fingerprint_ ^ static_cast<std::uint64_t>(number)) * 0x9e3779b97f4a7c15ULL;
    fingerprint_ ^= fingerprint_ >> 29U;
  }

  Trace trace_;
  std::vector<std::string> broken_;
  std::deque<std::string> history_;
  std::uint64_t fingerprint_ = 0xcbf29ce484222325ULL;
};

}  // namespace mjwatchd::sim
