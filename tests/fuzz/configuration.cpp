// Whatever stands in a configuration file: taken and printed the same again, or refused with its place.
#include <string>

#include "daemon/config/config.hpp"
#include "tests/fuzz/must.hpp"

using namespace mjwatchd;
using mjwatchd::fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 16384) return 0;  // longer ones are only slower
  try {
    const auto config = config::parse(std::string(fuzz::text_of(data, size)), "/etc/f.yaml");
    must(!config.gateways.empty());
    const std::string printed = config::print(config);
    must(config::print(config::parse(printed, "/etc/f.yaml")) == printed);
    static_cast<void>(config::core_settings(config, 1));
  } catch (const config::ConfigError& error) {
    must(!error.lines.empty());
    for (const std::string& line : error.lines) must(line.starts_with("/etc/f.yaml"));
  }
  return 0;
}
