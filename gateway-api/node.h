// A document as a tree of plain values with positions: what YAML and JSON have in common, so that
// one schema (schema.h) reads both. Built by ReadYaml and ReadJson, which bound its depth, its size
// and the growth by aliases; so recursion over a Node is safe. No thread rule.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway-api/parse.h"

namespace sluice::gateway_api {

struct Field;

struct Node {
  enum class Kind { kNull, kBool, kInt, kFloat, kString, kList, kMap };
  Kind kind = Kind::kNull;
  std::string text;           // of a scalar, as written and unquoted; "true" or "false" of a bool
  std::vector<Node> items;    // of a list
  std::vector<Field> fields;  // of a map, in the order of the input; keys are unique
  int line = 0;               // from 1; 0: not known
  int column = 0;
};

struct Field {
  std::string key;
  int line = 0;
  int column = 0;
  Node value;
};

// "a map", "text" and so on, for messages.
std::string_view ToString(Node::Kind kind);

// Overwrites every text of the tree (a Secret's document).
void Wipe(Node& node);

struct SyntaxError {
  int line = 0;
  int column = 0;
  std::string message;  // "": no error
};

// Exactly one document; `first_line` is the line of the file where `text` starts.
SyntaxError ReadYaml(std::string_view text, int first_line, const ParseLimits& limits, Node& out);
SyntaxError ReadJson(std::string_view text, const ParseLimits& limits, Node& out);

// Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates.
bool IsUtf8(std::string_view text);

}  // namespace sluice::gateway_api
