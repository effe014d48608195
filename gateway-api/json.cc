// JSON by nlohmann's event stream, into the same Node tree as YAML; its parser does not recurse.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway-api/node.h"

namespace sluice::gateway_api {
namespace {

using Json = nlohmann::json;

class TreeBuilder : public nlohmann::json_sax<Json> {
 public:
  explicit TreeBuilder(const ParseLimits& limits)
      : limits_(limits), nodes_left_(limits.max_nodes) {}

  Node Take() { return std::move(root_); }
  const std::string& error() const { return error_; }

  bool null() override { return Add(Node::Kind::kNull, ""); }
  bool boolean(bool value) override { return Add(Node::Kind::kBool, value ? "true" : "false"); }
  bool number_integer(int64_t value) override { return Add(Node::Kind::kInt, absl::StrCat(value)); }
  bool number_unsigned(uint64_t value) override {
    return Add(Node::Kind::kInt, absl::StrCat(value));
  }
  bool number_float(double, const std::string& text) override {
    return Add(Node::Kind::kFloat, text);
  }
  bool string(std::string& value) override { return Add(Node::Kind::kString, std::move(value)); }
  bool binary(Json::binary_t&) override { return Fail("binary values are no JSON"); }
  bool start_object(size_t) override { return Open(Node::Kind::kMap); }
  bool key(std::string& value) override {
    stack_.back().fields.push_back({.key = std::move(value), .value = {}});
    return true;
  }
  bool end_object() override {
    std::vector<std::string_view> keys;
    for (const Field& field : stack_.back().fields) keys.push_back(field.key);
    std::ranges::sort(keys);
    auto twice = std::ranges::adjacent_find(keys);
    if (twice != keys.end()) return Fail(absl::StrCat("the key '", *twice, "' is given twice"));
    return Close();
  }
  bool start_array(size_t) override { return Open(Node::Kind::kList); }
  bool end_array() override { return Close(); }
  bool parse_error(size_t position, const std::string&, const Json::exception&) override {
    return Fail(absl::StrCat("no valid JSON at byte ", position));
  }

 private:
  bool Fail(std::string message) {
    if (error_.empty()) error_ = std::move(message);
    return false;
  }

  bool Add(Node::Kind kind, std::string text) {
    if (nodes_left_ == 0) return Fail(absl::StrCat("more than ", limits_.max_nodes, " values"));
    --nodes_left_;
    Node node;
    node.kind = kind;
    node.text = std::move(text);
    return Complete(std::move(node));
  }

  bool Open(Node::Kind kind) {
    if (static_cast<int>(stack_.size()) >= limits_.max_depth) {
      return Fail(absl::StrCat("nested deeper than ", limits_.max_depth));
    }
    stack_.emplace_back().kind = kind;
    return true;
  }

  bool Close() {
    Node node = std::move(stack_.back());
    stack_.pop_back();
    return Complete(std::move(node));
  }

  bool Complete(Node node) {
    if (stack_.empty()) {
      root_ = std::move(node);
    } else if (stack_.back().kind == Node::Kind::kList) {
      stack_.back().items.push_back(std::move(node));
    } else {
      stack_.back().fields.back().value = std::move(node);
    }
    return true;
  }

  const ParseLimits& limits_;
  size_t nodes_left_;
  std::vector<Node> stack_;
  Node root_;
  std::string error_;
};

}  // namespace

SyntaxError ReadJson(std::string_view text, const ParseLimits& limits, Node& out) {
  if (text.size() > limits.max_document_bytes) {
    return {0, 0,
            absl::StrCat("the document is larger than ", limits.max_document_bytes, " bytes")};
  }
  TreeBuilder builder(limits);
  if (!Json::sax_parse(text, &builder)) return {0, 0, builder.error()};
  out = builder.Take();
  return {};
}

}  // namespace sluice::gateway_api
