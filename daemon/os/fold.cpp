#include "daemon/os/fold.hpp"

namespace mjwatchd::os {

bool Fold::admit(const std::string& kind, Time now) {
  const auto known = counts_.find(kind);
  if (known != counts_.end()) {
    ++known->second.times;
    return false;
  }
  if (counts_.size() < kKinds) counts_.emplace(kind, Count{now});
  return true;
}

std::vector<Fold::Repeated> Fold::due(Time now, bool all) {
  std::vector<Repeated> out;
  for (auto at = counts_.begin(); at != counts_.end();) {
    Count& count = at->second;
    if (!all && now - count.since < kWindow) {
      ++at;
      continue;
    }
    if (count.times == 0) {  // quiet for a whole window: the next one is news again
      at = counts_.erase(at);
      continue;
    }
    out.push_back({at->first, count.times, std::chrono::round<std::chrono::seconds>(now - count.since)});
    count = {now};
    ++at;
  }
  return out;
}

}  // namespace mjwatchd::os
