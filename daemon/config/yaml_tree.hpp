// A YAML document as a plain tree in which everything knows where it was written.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace mjwatchd::config {

/// A place in the file; both count from 1.
struct Mark {
  int line = 1;
  int column = 1;
};

/// One mistake or remark: where, about which key, and what.
struct Problem {
  Mark mark;
  std::string key;  ///< "gateways.octopusx.batch"; empty when it is about the file
  std::string text;
};

struct Node;
using NodePtr = std::shared_ptr<const Node>;

struct Entry {
  std::string key;
  Mark mark;
  NodePtr value;
};

/// Scalars stay text: what a text means is for the key it belongs to. Order is the file's.
struct Node {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  Mark mark;
  std::string text;
  std::vector<NodePtr> items;
  std::vector<Entry> entries;  ///< keys are distinct: a key given twice is a problem, and the first one stands
};

/// Reads one document, however hostile: nesting is bounded, aliases share nodes instead of copying
/// them, control characters are refused. Appends what is wrong to `problems`; answers null when there
/// is no tree to go on with. An empty document is an empty map.
[[nodiscard]] NodePtr read_yaml(const std::string& text, std::vector<Problem>& problems);

}  // namespace mjwatchd::config
