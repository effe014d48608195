// YAML by yaml-cpp's event stream, into a Node tree. The tree is built here and not by yaml-cpp, to
// have bounds on depth, size and aliases, unique keys, and positions of keys.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <map>
#include <streambuf>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gateway-api/node.h"

namespace sluice::gateway_api {
namespace {

class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // a get area only: never written
    setg(begin, begin, begin + text.size());
  }
};

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

bool IsInt(std::string_view text) {
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

bool IsFloat(std::string_view text) {
  if (text.empty() || text.find_first_not_of("+-.0123456789eE") != text.npos) return false;
  if (text.find_first_of("0123456789") == text.npos) return false;
  double value;
  return absl::SimpleAtod(text, &value);
}

// The type of an unquoted scalar, as Kubernetes' YAML reader sees it: yes, no, on and off are
// booleans there.
void Resolve(Node& node) {
  if (IsOneOf(node.text, {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})) {
    node.kind = Node::Kind::kBool;
    node.text = "true";
  } else if (IsOneOf(node.text,
                     {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})) {
    node.kind = Node::Kind::kBool;
    node.text = "false";
  } else if (IsInt(node.text)) {
    node.kind = Node::Kind::kInt;
  } else if (IsFloat(node.text)) {
    node.kind = Node::Kind::kFloat;
  } else {
    node.kind = Node::Kind::kString;
  }
}

YAML::Mark MarkAt(int line, int column) {
  YAML::Mark mark;
  mark.line = line;
  mark.column = column;
  return mark;
}

class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const ParseLimits& limits)
      : limits_(limits),
        nodes_left_(limits.max_nodes),
        bytes_left_(4 * limits.max_document_bytes) {}

  Node Take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Complete(At(mark), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto found = anchors_.find(anchor);
    if (found == anchors_.end()) Fail(mark, "an alias inside of what it names");
    Spend(mark, found->second);
    Complete(found->second, 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (!IsUtf8(value)) Fail(mark, "the text is not UTF-8");
    Node node = At(mark);
    node.kind = Node::Kind::kString;
    node.text = value;
    if (tag == "?") Resolve(node);
    Complete(std::move(node), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, Node::Kind::kList, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, Node::Kind::kMap, anchor);
  }
  void OnMapEnd() override {
    Node& map = stack_.back().node;
    Merge(map);
    CheckKeys(map);
    Close();
  }

 private:
  struct Level {
    Node node;
    YAML::anchor_t anchor = 0;
    bool has_key = false;  // the next value belongs to fields.back()
  };

  [[noreturn]] static void Fail(const YAML::Mark& mark, const std::string& message) {
    throw YAML::ParserException(mark, message);
  }

  Node At(const YAML::Mark& mark) {
    if (nodes_left_ == 0) Fail(mark, absl::StrCat("more than ", limits_.max_nodes, " values"));
    --nodes_left_;
    Node node;
    node.line = mark.line;
    node.column = mark.column;
    return node;
  }

  void Open(const YAML::Mark& mark, Node::Kind kind, YAML::anchor_t anchor) {
    if (static_cast<int>(stack_.size()) >= limits_.max_depth) {
      Fail(mark, absl::StrCat("nested deeper than ", limits_.max_depth));
    }
    Level level;
    level.node = At(mark);
    level.node.kind = kind;
    level.anchor = anchor;
    stack_.push_back(std::move(level));
  }

  void Close() {
    Level level = std::move(stack_.back());
    stack_.pop_back();
    Complete(std::move(level.node), level.anchor);
  }

  // An alias costs as much as what it stands for, and deepens the tree by it.
  void Spend(const YAML::Mark& mark, const Node& node) {
    int depth = static_cast<int>(stack_.size());
    Spend(mark, node, depth);
  }
  void Spend(const YAML::Mark& mark, const Node& node, int depth) {
    if (depth > limits_.max_depth) Fail(mark, "aliases nest too deep");
    if (nodes_left_ == 0 || bytes_left_ < node.text.size()) Fail(mark, "aliases expand too far");
    --nodes_left_;
    bytes_left_ -= node.text.size();
    for (const Node& item : node.items) Spend(mark, item, depth + 1);
    for (const Field& field : node.fields) {
      if (bytes_left_ < field.key.size()) Fail(mark, "aliases expand too far");
      bytes_left_ -= field.key.size();
      Spend(mark, field.value, depth + 1);
    }
  }

  void Complete(Node node, YAML::anchor_t anchor) {
    if (anchor != 0) {
      Spend(MarkAt(node.line, node.column), node);
      anchors_[anchor] = node;
    }
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Level& parent = stack_.back();
    if (parent.node.kind == Node::Kind::kList) {
      parent.node.items.push_back(std::move(node));
    } else if (parent.has_key) {
      parent.node.fields.back().value = std::move(node);
      parent.has_key = false;
    } else {
      AddKey(parent, std::move(node));
    }
  }

  static void AddKey(Level& parent, Node key) {
    bool scalar = key.kind != Node::Kind::kList && key.kind != Node::Kind::kMap;
    if (!scalar || key.kind == Node::Kind::kNull) {
      Fail(MarkAt(key.line, key.column), "a key must be text");
    }
    parent.node.fields.push_back({std::move(key.text), key.line, key.column, {}});
    parent.has_key = true;
  }

  // "<<: *base": fields of base that the map does not have itself.
  static void Merge(Node& map) {
    auto merge = std::ranges::find(map.fields, "<<", &Field::key);
    if (merge == map.fields.end()) return;
    Field base = std::move(*merge);
    map.fields.erase(merge);
    if (base.value.kind == Node::Kind::kMap) {
      MergeOne(map, base.value);
    } else if (base.value.kind == Node::Kind::kList) {
      for (const Node& item : base.value.items) {
        if (item.kind != Node::Kind::kMap) Fail(MarkAt(base.line, base.column), "<< needs maps");
        MergeOne(map, item);
      }
    } else {
      Fail(MarkAt(base.line, base.column), "<< needs a map");
    }
  }
  static void MergeOne(Node& map, const Node& base) {
    std::map<std::string_view, bool> own;
    for (const Field& field : map.fields) own[field.key] = true;
    std::vector<Field> added;
    for (const Field& field : base.fields) {
      if (!own.contains(field.key)) added.push_back(field);
    }
    for (Field& field : added) map.fields.push_back(std::move(field));
  }

  static void CheckKeys(const Node& map) {
    std::vector<const Field*> sorted;
    for (const Field& field : map.fields) sorted.push_back(&field);
    std::ranges::sort(sorted, {}, [](const Field* f) -> std::string_view { return f->key; });
    for (size_t i = 1; i < sorted.size(); ++i) {
      if (sorted[i]->key != sorted[i - 1]->key) continue;
      Fail(MarkAt(sorted[i]->line, sorted[i]->column),
           absl::StrCat("the key '", sorted[i]->key, "' is given twice"));
    }
  }

  const ParseLimits& limits_;
  size_t nodes_left_;
  size_t bytes_left_;
  std::vector<Level> stack_;
  std::map<YAML::anchor_t, Node> anchors_;
  Node root_;
};

// yaml-cpp counts lines of its own input from 0.
void Shift(Node& node, int first_line) {
  node.line += first_line;
  node.column += 1;
  for (Node& item : node.items) Shift(item, first_line);
  for (Field& field : node.fields) {
    field.line += first_line;
    field.column += 1;
    Shift(field.value, first_line);
  }
}

}  // namespace

SyntaxError ReadYaml(std::string_view text, int first_line, const ParseLimits& limits, Node& out) {
  if (text.size() > limits.max_document_bytes) {
    return {first_line, 1,
            absl::StrCat("the document is larger than ", limits.max_document_bytes, " bytes")};
  }
  if (!IsUtf8(text)) return {first_line, 1, "the document is not UTF-8"};
  if (text.find('\0') != text.npos) return {first_line, 1, "the document has a NUL byte"};
  ViewBuffer buffer(text);
  std::istream stream(&buffer);
  TreeBuilder builder(limits);
  try {
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return {};  // nothing but comments
  } catch (const YAML::Exception& error) {
    bool known = !error.mark.is_null();
    return {first_line + (known ? error.mark.line : 0), known ? error.mark.column + 1 : 1,
            error.msg};
  }
  out = builder.Take();
  Shift(out, first_line);
  return {};
}

}  // namespace sluice::gateway_api
