// How several daemons share a watch list, as one of them knows it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "mjwatchd/time.hpp"

namespace mjwatchd::store {

/// One of the daemons of a watch list.
struct Member {
  std::int64_t number = 0;  ///< another one each time that it joins
  std::string host;
  bool self = false;
  bool newcomer = false;  ///< takes its part after one lease
  milliseconds silent{};  ///< since its last heartbeat
};

/// What is shared, and what of it is this daemon's. A plain value.
struct Sharing {
  std::vector<Member> members;  ///< as last seen: not anew while the database is away
  std::size_t tasks = 0;        ///< held here, and not done
  milliseconds surely{};        ///< for so long they are surely ours, if nothing more is heard; 0: they are not
};

}  // namespace mjwatchd::store
