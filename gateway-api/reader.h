// Reads the fields of one map of a Node tree into a struct, by the calls of a schema function
// Describe(v, struct) (schema.h). Collects Problems with positions and paths; never stops at the
// first. Lives on the stack during one parse; borrows the tree and the report.
//
// A null field is an absent one, as in Kubernetes.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gateway-api/duration.h"
#include "gateway-api/enum_names.h"
#include "gateway-api/node.h"
#include "gateway-api/private_bytes.h"
#include "gateway-api/rules.h"

namespace sluice::gateway_api {

// Where a value stands in its object; a chain of frames on the stack.
struct Path {
  const Path* parent = nullptr;
  std::string_view key;  // of a map's field
  int index = -1;        // of a list's item, if >= 0
};
std::string ToString(const Path& path);

// The problems of one object.
class Report {
 public:
  Report(std::string file, std::vector<Problem>& problems)
      : file_(std::move(file)), problems_(problems) {}

  void set_object(std::string object) { object_ = std::move(object); }
  void Error(int line, int column, std::string path, std::string message);
  void Warning(int line, int column, std::string path, std::string message);
  bool failed() const { return failed_; }
  const std::string& file() const { return file_; }

 private:
  void Add(Problem problem);

  std::string file_;
  std::string object_;
  std::vector<Problem>& problems_;
  bool failed_ = false;
};

class Reader {
 public:
  static constexpr bool kReads = true;

  Reader(const Node& map, const Path& path, Report& report)
      : map_(map), path_(path), report_(report), known_(map.fields.size(), false) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  template <typename T, typename... Rules>
  void Required(std::string_view key, T& out, const Rules&... rules) {
    if (!Read(key, out, rules...)) FailAt(map_.line, map_.column, key, "is required");
  }
  // Absent: `out` keeps its value, which is the API's default or "not given".
  template <typename T, typename... Rules>
  void Optional(std::string_view key, T& out, const Rules&... rules) {
    Read(key, out, rules...);
  }
  template <typename T, typename... Rules>
  void Defaulted(std::string_view key, T& out, const Rules&... rules) {
    Read(key, out, rules...);
  }
  // Text or a whole number (IntOrString), kept as text.
  void Scalar(std::string_view key, std::string& out);
  void Base64(std::string_view key, std::map<std::string, PrivateBytes>& out);
  void Base64(std::string_view key, StringMap& out);
  void Plain(std::string_view key, std::map<std::string, PrivateBytes>& out);
  void Time(std::string_view key, absl::Time& out);
  // A map of its own whose fields belong to the same struct.
  template <typename F>
  void Inside(std::string_view key, F&& describe) {
    const Node* node = Take(key);
    if (node == nullptr || !Expect(*node, Node::Kind::kMap, key)) return;
    Path path{&path_, key};
    Reader inner(*node, path, report_);
    describe(inner);
    inner.Finish();
  }
  // Fields of the API that mean nothing to a gateway.
  void Ignored(std::initializer_list<std::string_view> keys);
  // Fields of the API's experimental channel that have no effect here: a warning each.
  void Unsupported(std::initializer_list<std::string_view> keys);
  bool Has(std::string_view key) const;
  // A rule that joins fields; reported at the field `key`.
  void Rule(bool holds, std::string_view key, std::string_view message);
  // Unknown fields become warnings. The last call.
  void Finish();

 private:
  const Node* Take(std::string_view key);
  bool Expect(const Node& node, Node::Kind kind, std::string_view key);
  void FailAt(int line, int column, std::string_view key, std::string_view message);

  template <typename T, typename... Rules>
  bool Read(std::string_view key, T& out, const Rules&... rules) {
    const Node* node = Take(key);
    if (node == nullptr) return false;
    Value(*node, Path{&path_, key}, out, rules...);
    return true;
  }

  bool ExpectAt(const Node& node, const Path& path, Node::Kind kind);
  void Error(const Node& node, const Path& path, std::string message) {
    report_.Error(node.line, node.column, ToString(path), std::move(message));
  }
  template <typename T, typename... Rules>
  void Check(const Node& node, const Path& path, const T& value, const Rules&... rules) {
    for (std::string& violation : std::vector<std::string>{Violation(rules, value)...}) {
      if (!violation.empty()) Error(node, path, std::move(violation));
    }
  }

  bool Integer(const Node& node, const Path& path, int64_t min, int64_t max, int64_t& out);

  template <typename T, typename... Rules>
  void Value(const Node& node, const Path& path, T& out, const Rules&... rules) {
    if constexpr (std::is_same_v<T, std::string>) {
      if (!ExpectAt(node, path, Node::Kind::kString)) return;
      out = node.text;
    } else if constexpr (std::is_same_v<T, bool>) {
      if (!ExpectAt(node, path, Node::Kind::kBool)) return;
      out = node.text == "true";
    } else if constexpr (std::is_integral_v<T>) {
      int64_t value = 0;
      if (!Integer(node, path, std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), value))
        return;
      out = static_cast<T>(value);
    } else if constexpr (std::is_same_v<T, absl::Duration>) {
      if (!ExpectAt(node, path, Node::Kind::kString)) return;
      if (!ParseDuration(node.text, out)) {
        Error(node, path, "is no duration such as 1h30m, 10s or 500ms (GEP-2257)");
      }
      return;
    } else if constexpr (std::is_enum_v<T>) {
      if (!ExpectAt(node, path, Node::Kind::kString)) return;
      if (!FromName(node.text, out)) {
        Error(node, path,
              absl::StrCat("'", node.text.substr(0, 80), "' is none of ", NamesOf<T>()));
      }
      return;
    } else if constexpr (requires { typename T::mapped_type; }) {
      ReadMap(node, path, out, rules...);
    } else if constexpr (requires { out.emplace_back(); }) {
      ReadList(node, path, out, rules...);
    } else if constexpr (requires { out.has_value(); }) {
      Value(node, path, out.emplace(), rules...);
      return;
    } else {
      if (!ExpectAt(node, path, Node::Kind::kMap)) return;
      Reader inner(node, path, report_);
      Describe(inner, out);
      inner.Finish();
    }
    Check(node, path, out, rules...);
  }

  template <typename T, typename... Rules>
  void ReadList(const Node& node, const Path& path, std::vector<T>& out, const Rules&... rules) {
    if (!ExpectAt(node, path, Node::Kind::kList)) return;
    out.clear();
    out.reserve(node.items.size());
    for (const Node& item : node.items) {
      Path inner{&path, {}, static_cast<int>(out.size())};
      Value(item, inner, out.emplace_back(), rules...);
    }
  }

  template <typename... Rules>
  void ReadMap(const Node& node, const Path& path, StringMap& out, const Rules&... rules) {
    if (!ExpectAt(node, path, Node::Kind::kMap)) return;
    out.clear();
    for (const Field& field : node.fields) {
      Path inner{&path, field.key};
      if (field.value.kind == Node::Kind::kNull) {
        out[field.key];
      } else {
        Value(field.value, inner, out[field.key], rules...);
      }
    }
  }

  const Node& map_;
  const Path& path_;
  Report& report_;
  std::vector<bool> known_;  // of map_.fields
};

}  // namespace sluice::gateway_api
