// Whole files as strings, for tests that look into one or spoil it.
#pragma once

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace mjwatchd::store::test {

inline std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream all;
  all << in.rdbuf();
  return all.str();
}

inline void write(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

}  // namespace mjwatchd::store::test
