// What one exchange with a gateway came to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/http/client.hpp"
#include "mjwatchd/event.hpp"
#include "mjwatchd/ports.hpp"

namespace mjwatchd::gateway {

/// What was asked.
struct Question {
  bool batch = false;
  std::vector<std::string> ids;  ///< one when it is no batch
};

/// Pure, but for the clock that a Retry-After date without a Date beside it is held against. Sorts the
/// exchange by what must follow from it (FetchReply::Verdict). `token` will not stand in `detail`.
[[nodiscard]] FetchReply sort_reply(const http::Response& response, const Question& question, std::string_view token);

/// Pure. The same for image-seed: whatever goes wrong, a seed may still come, unless we are refused.
[[nodiscard]] Gateway::Seed sort_seed(const http::Response& response, std::string_view token);

}  // namespace mjwatchd::gateway
