// Traces given to mjwatch simulate.
#include <sstream>
#include <string>

#include "daemon/client/connection.hpp"
#include "daemon/client/simulate_trace.hpp"
#include "tests/fuzz/must.hpp"

using namespace mjwatchd;
using namespace mjwatchd::client;
using mjwatchd::fuzz::must;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::istringstream in{std::string(fuzz::text_of(data, size))};
  try {
    const Trace trace = read_trace(in, "trace");
    for (std::size_t i = 1; i < trace.size(); ++i) must(trace[i - 1].submitted <= trace[i].submitted);
    for (const TraceTask& task : trace) {
      for (std::size_t i = 1; i < task.timeline.size(); ++i) must(task.timeline[i - 1].at <= task.timeline[i].at);
      static_cast<void>(dropped(task));
      static_cast<void>(task.started());
    }
  } catch (const Trouble& trouble) {
    must(std::string_view(trouble.what()).find("trace") != std::string_view::npos);
  }
  return 0;
}
