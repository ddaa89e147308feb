#include "daemon/config/yaml_tree.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

namespace mjwatchd::config {
namespace {

// The deepest key of the configuration is at depth 4. The parser recurses once per level, so this
// also bounds its stack.
constexpr std::size_t kMaxDepth = 24;
// Twenty times a configuration with a hundred endpoints.
constexpr std::size_t kMaxBytes = 1U << 20;
// After this many the file is not a configuration with mistakes, it is something else.
constexpr std::size_t kMaxProblems = 200;

struct Abandoned {};

Mark from(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::vector<Problem>& problems) : problems_(problems) {}

  [[nodiscard]] NodePtr root() const { return root_; }

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { leaf(Node::Kind::null, mark, "", anchor); }
  void OnScalar(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                const std::string& value) override {
    leaf(Node::Kind::scalar, mark, value, anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) {  // an alias inside its own anchor
      problem(from(mark), "an alias can't stand inside what it names");
      throw Abandoned{};
    }
    place(known->second, from(mark));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(Node::Kind::list, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(Node::Kind::map, mark, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    std::shared_ptr<Node> node;
    YAML::anchor_t anchor = 0;
    std::optional<std::string> key;  // of a map: read, its value is still to come
    Mark key_mark;
    bool skip = false;  // the coming value belongs to a key that can't be used
  };

  void problem(Mark mark, std::string text) {
    problems_.push_back({mark, "", std::move(text)});
    if (problems_.size() >= kMaxProblems) throw Abandoned{};
  }

  void open(Node::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (frames_.size() >= kMaxDepth) {
      problem(from(mark), "is nested too deeply; no key of the configuration is deeper than 4 levels");
      throw Abandoned{};
    }
    auto node = std::make_shared<Node>();
    node->kind = kind;
    node->mark = from(mark);
    frames_.push_back({std::move(node), anchor, std::nullopt, {}, false});
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    if (frame.anchor != 0) anchors_[frame.anchor] = frame.node;
    const Mark mark = frame.node->mark;
    place(std::move(frame.node), mark);
  }

  void leaf(Node::Kind kind, const YAML::Mark& mark, const std::string& text, YAML::anchor_t anchor) {
    auto node = std::make_shared<Node>();
    node->kind = kind;
    node->mark = from(mark);
    node->text = text;
    if (anchor != 0) anchors_[anchor] = node;
    place(std::move(node), from(mark));
  }

  void place(NodePtr node, Mark mark) {
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = frames_.back();
    if (frame.node->kind == Node::Kind::list) {
      frame.node->items.push_back(std::move(node));
    } else if (!frame.key) {
      take_key(frame, *node, mark);
    } else {
      if (!frame.skip) frame.node->entries.push_back({*frame.key, frame.key_mark, std::move(node)});
      frame.key.reset();
      frame.skip = false;
    }
  }

  void take_key(Frame& frame, const Node& node, Mark mark) {
    frame.key = node.text;
    frame.key_mark = mark;
    if (node.kind != Node::Kind::scalar) {
      problem(mark, "a key must be a plain word");
      frame.skip = true;
      return;
    }
    const auto& entries = frame.node->entries;
    const auto first =
        std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.key == node.text; });
    if (first != entries.end()) {
      problems_.push_back(
          {mark, node.text,
           "is given twice; it was given before in line " + std::to_string(first->mark.line) + ", keep one of them"});
      if (problems_.size() >= kMaxProblems) throw Abandoned{};
      frame.skip = true;
    }
  }

  std::vector<Problem>& problems_;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, NodePtr> anchors_;
  NodePtr root_;
};

// yaml-cpp takes a NUL for the end of the file and other control characters for text; both would
// hide a broken file.
bool acceptable(const std::string& text, std::vector<Problem>& problems) {
  if (text.size() > kMaxBytes) {
    problems.push_back({{1, 1}, "", "the file is larger than 1 MiB, which no configuration needs"});
    return false;
  }
  Mark mark;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f) {
      problems.push_back({mark, "", "a control character; the file must be plain UTF-8 text"});
      return false;
    }
    if (c == '\n') {
      ++mark.line;
      mark.column = 1;
    } else {
      ++mark.column;
    }
  }
  return true;
}

NodePtr empty_map() {
  auto node = std::make_shared<Node>();
  node->kind = Node::Kind::map;
  return node;
}

}  // namespace

NodePtr read_yaml(const std::string& text, std::vector<Problem>& problems) {
  if (!acceptable(text, problems)) return nullptr;
  TreeBuilder builder(problems);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return empty_map();
    const NodePtr root = builder.root();
    if (parser) {
      TreeBuilder rest(problems);
      if (parser.HandleNextDocument(rest)) {
        const Mark where = rest.root() ? rest.root()->mark : Mark{};
        problems.push_back({where, "", "a second document begins here; the file must hold exactly one"});
      }
    }
    if (!root || root->kind == Node::Kind::null) return empty_map();
    if (root->kind != Node::Kind::map) {
      problems.push_back({root->mark, "", "the file must be a map of keys, like \"gateways:\""});
      return nullptr;
    }
    return root;
  } catch (const Abandoned&) {
    return nullptr;
  } catch (const YAML::Exception& error) {
    const Mark where = error.mark.is_null() ? Mark{} : from(error.mark);
    problems.push_back({where, "", "this is not YAML: " + error.msg});
    return nullptr;
  }
}

}  // namespace mjwatchd::config
