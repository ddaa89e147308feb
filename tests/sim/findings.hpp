// What a run showed: broken promises, a trace for people, and a fingerprint of all that was done.
#pragma once

#include <cstdint>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "mjwatchd/time.hpp"

namespace mjwatchd::sim {

class Findings {
 public:
  explicit Findings(bool trace) : trace_(trace) {}

  /// A promise was broken. Only the first are kept: the rest follows from them.
  void broken(milliseconds now, const std::string& what) {
    note(now, "BROKEN " + what);
    if (broken_.size() < 20) broken_.push_back("at " + std::to_string(now.count()) + " ms: " + what);
  }
  /// Something was done: part of the fingerprint, and of the trace.
  void did(milliseconds now, const std::string& what) {
    mix(std::to_string(now.count()));
    mix(what);
    note(now, what);
  }
  /// For people only.
  void note(milliseconds now, const std::string& what) const {
    if (trace_) std::cerr << now.count() << "  " << what << '\n';
  }

  [[nodiscard]] const std::vector<std::string>& broken() const { return broken_; }
  [[nodiscard]] std::uint64_t fingerprint() const { return fingerprint_; }
  [[nodiscard]] bool traces() const { return trace_; }

 private:
  void mix(std::string_view text) {  // FNV-1a
    for (const char c : text) fingerprint_ = (fingerprint_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }

  bool trace_;
  std::vector<std::string> broken_;
  std::uint64_t fingerprint_ = 0xcbf29ce484222325ULL;
};

}  // namespace mjwatchd::sim
