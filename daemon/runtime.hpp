// The one composer: owns every room, feeds the core, carries out what it asks for.
#pragma once

#include <memory>

#include "daemon/config/config.hpp"

namespace mjwatchd {

/// The daemon from its start to its orderly end. The only reader of the clocks.
class Runtime {
 public:
  /// Opens the state folder, takes up what is on disk and listens. Throws config::ConfigError for
  /// secrets that can't be had, std::exception for whatever else keeps it from starting; the text
  /// says what, where and the cure.
  explicit Runtime(config::Config config);
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  /// Serves until SIGTERM or SIGINT. Answers the exit code.
  int run();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mjwatchd
