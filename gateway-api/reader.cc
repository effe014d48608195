#include "gateway-api/reader.h"

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"

namespace sluice::gateway_api {
namespace {

constexpr size_t kMaxProblems = 1000;  // of one input: what is beyond is not told

// The words of an object of hostile size stay out of a path.
std::string_view Short(std::string_view key) { return key.substr(0, 80); }

}  // namespace

std::string ToString(const Path& path) {
  std::string before = path.parent == nullptr ? "" : ToString(*path.parent);
  if (path.index >= 0) return absl::StrCat(before, "[", path.index, "]");
  if (before.empty()) return std::string(Short(path.key));
  return absl::StrCat(before, ".", Short(path.key));
}

void Report::Add(Problem problem) {
  if (problems_.size() < kMaxProblems) problems_.push_back(std::move(problem));
}

void Report::Error(int line, int column, std::string path, std::string message) {
  failed_ = true;
  Add({Problem::Severity::kError,
       {file_, line, column},
       object_,
       std::move(path),
       std::move(message)});
}

void Report::Warning(int line, int column, std::string path, std::string message) {
  Add({Problem::Severity::kWarning,
       {file_, line, column},
       object_,
       std::move(path),
       std::move(message)});
}

const Node* Reader::Take(std::string_view key) {
  auto found = std::ranges::find(map_.fields, key, &Field::key);
  if (found == map_.fields.end()) return nullptr;
  known_[found - map_.fields.begin()] = true;
  return found->value.kind == Node::Kind::kNull ? nullptr : &found->value;
}

bool Reader::Has(std::string_view key) const {
  auto found = std::ranges::find(map_.fields, key, &Field::key);
  return found != map_.fields.end() && found->value.kind != Node::Kind::kNull;
}

bool Reader::ExpectAt(const Node& node, const Path& path, Node::Kind kind) {
  if (node.kind == kind) return true;
  std::string message = absl::StrCat("must be ", ToString(kind), ", not ", ToString(node.kind));
  bool unquoted = kind == Node::Kind::kString &&
                  (node.kind == Node::Kind::kInt || node.kind == Node::Kind::kFloat ||
                   node.kind == Node::Kind::kBool);
  if (unquoted) absl::StrAppend(&message, " (put it in quotes)");
  Error(node, path, std::move(message));
  return false;
}

bool Reader::Expect(const Node& node, Node::Kind kind, std::string_view key) {
  return ExpectAt(node, Path{&path_, key}, kind);
}

bool Reader::Integer(const Node& node, const Path& path, int64_t min, int64_t max, int64_t& out) {
  if (!ExpectAt(node, path, Node::Kind::kInt)) return false;
  if (absl::SimpleAtoi(node.text, &out) && out >= min && out <= max) return true;
  Error(node, path, absl::StrCat(Short(node.text), " is not in ", min, "-", max));
  return false;
}

void Reader::FailAt(int line, int column, std::string_view key, std::string_view message) {
  report_.Error(line, column, ToString(Path{&path_, key}), std::string(message));
}

void Reader::Scalar(std::string_view key, std::string& out) {
  const Node* node = Take(key);
  if (node == nullptr) return;
  bool scalar = node->kind == Node::Kind::kString || node->kind == Node::Kind::kInt;
  if (!scalar) return FailAt(node->line, node->column, key, "must be a whole number or text");
  out = node->text;
}

void Reader::Base64(std::string_view key, std::map<std::string, PrivateBytes>& out) {
  const Node* node = Take(key);
  if (node == nullptr || !Expect(*node, Node::Kind::kMap, key)) return;
  Path path{&path_, key};
  for (const Field& field : node->fields) {
    Path inner{&path, field.key};
    if (!ExpectAt(field.value, inner, Node::Kind::kString)) continue;
    std::string bytes;
    if (!absl::Base64Unescape(field.value.text, &bytes)) Error(field.value, inner, "is no base64");
    out.insert_or_assign(field.key, PrivateBytes(bytes));
    WipeMemory(bytes.data(), bytes.size());
  }
}

void Reader::Base64(std::string_view key, StringMap& out) {
  std::map<std::string, PrivateBytes> bytes;
  Base64(key, bytes);
  for (const auto& [name, value] : bytes) out[name] = std::string(value.Reveal());
}

void Reader::Plain(std::string_view key, std::map<std::string, PrivateBytes>& out) {
  const Node* node = Take(key);
  if (node == nullptr || !Expect(*node, Node::Kind::kMap, key)) return;
  Path path{&path_, key};
  for (const Field& field : node->fields) {
    if (!ExpectAt(field.value, Path{&path, field.key}, Node::Kind::kString)) continue;
    out.insert_or_assign(field.key, PrivateBytes(field.value.text));
  }
}

void Reader::Time(std::string_view key, absl::Time& out) {
  const Node* node = Take(key);
  if (node == nullptr || !Expect(*node, Node::Kind::kString, key)) return;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, node->text, &out, &error)) {
    FailAt(node->line, node->column, key, "is no time such as 2026-01-31T12:00:00Z (RFC 3339)");
  }
}

void Reader::Ignored(std::initializer_list<std::string_view> keys) {
  for (std::string_view key : keys) Take(key);
}

void Reader::Unsupported(std::initializer_list<std::string_view> keys) {
  for (std::string_view key : keys) {
    const Node* node = Take(key);
    if (node == nullptr) continue;
    report_.Warning(node->line, node->column, ToString(Path{&path_, key}),
                    "is not supported and has no effect");
  }
}

void Reader::Rule(bool holds, std::string_view key, std::string_view message) {
  if (holds) return;
  auto found = std::ranges::find(map_.fields, key, &Field::key);
  if (found == map_.fields.end()) return FailAt(map_.line, map_.column, key, message);
  FailAt(found->value.line, found->value.column, key, message);
}

void Reader::Finish() {
  for (size_t i = 0; i < known_.size(); ++i) {
    if (known_[i]) continue;
    const Field& field = map_.fields[i];
    report_.Warning(field.line, field.column, ToString(Path{&path_, field.key}), "unknown field");
  }
}

}  // namespace sluice::gateway_api
