// Replies of the recorded shapes, kept as files.
#pragma once

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>

namespace mjwatchd::gateway::test {

inline std::string fixture(const std::string& name) {
  std::ifstream file(std::string(FIXTURES) + "/" + name);
  REQUIRE_MESSAGE(file.is_open(), name);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace mjwatchd::gateway::test
