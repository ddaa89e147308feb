// What gateways put around tasks, and what they send instead of them.
#pragma once

#include <string>
#include <vector>

#include "daemon/gateway/json.hpp"

namespace mjwatchd::gateway {

/// A reply taken out of its wrappers.
struct Opened {
  enum class Kind : std::uint8_t {
    items,  ///< `items` are what should be tasks; may be empty
    none,   ///< a null where the gateway says that all is well: there is nothing
    error,  ///< an object with an error code
    other   ///< JSON, but nothing that holds tasks
  };
  struct Item {
    const Json* value = nullptr;  ///< inside the reply that was opened
    std::string name;             ///< its key, when the reply is a map of tasks by their ids
  };
  Kind kind = Kind::other;
  std::vector<Item> items;
  std::string code;    ///< error: its code, as written
  std::string detail;  ///< error, other: what it says
};

/// Pure. Takes `reply` out of {"data":…}, {"result":…}, {"code":0,"data":{"list":…}} and the like. A
/// task that carries one of the `asked` ids is never taken for a wrapper.
[[nodiscard]] Opened open_reply(const Json& reply, const std::vector<std::string>& asked);

/// Pure. "code 4: task_no_found" of an error object; empty when it says nothing.
[[nodiscard]] std::string complaint(const Json& object);

}  // namespace mjwatchd::gateway
