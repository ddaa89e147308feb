// Which files an order wants, and from where each may come.
#pragma once

#include <string>
#include <vector>

#include "daemon/gateway/links.hpp"
#include "daemon/images/options.hpp"
#include "mjwatchd/ports.hpp"

namespace mjwatchd::images {

/// One file, and the ways to it in the order they are tried.
struct Wish {
  std::vector<std::string> sources;
};

struct Plan {
  std::vector<Wish> wishes;  ///< the n-th gets the n-th suffix
  bool probe = false;        ///< no URL was named: a 4xx from the only source means there is no picture
};

/// Pure. image: imageUrl, else the gateway's own /image/{id}, else imageUrls in order; all: every
/// link; video: videos only. A link that has expired by `now` comes after the others.
[[nodiscard]] Plan make_plan(const SaveOrder& order, std::vector<gateway::PictureLink> links,
                             const GatewayOptions& gateway, WallTime now);

}  // namespace mjwatchd::images
