// Writes the fields of a struct into one map of a Document, by the calls of a schema function
// Describe(v, struct) (schema_meta.h): the visitor that mirrors Reader. Lives on the stack during
// one write. REQUIRES: the struct is one that a Reader accepted, so that the API's rules hold.
//
// What is absent, empty or zero is left out, unless a default of the API or a rule wants it there.
#pragma once

#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/time/time.h"
#include "gateway-api/duration.h"
#include "gateway-api/enum_names.h"
#include "gateway-api/private_bytes.h"
#include "gateway-api/write.h"

namespace sluice::gateway_api {

class Writer {
 public:
  static constexpr bool kReads = false;

  explicit Writer(Document& map) : map_(map) {}
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  template <typename T, typename... Rules>
  void Required(std::string_view key, T& value, const Rules&...) {
    Put(key, Value(value));
  }
  template <typename T, typename... Rules>
  void Defaulted(std::string_view key, T& value, const Rules&...) {
    Put(key, Value(value));
  }
  template <typename T, typename... Rules>
  void Optional(std::string_view key, T& value, const Rules&...) {
    Document written = Value(value);
    if (!IsNothing(written)) Put(key, std::move(written));
  }
  template <typename T, typename... Rules>
  void Optional(std::string_view key, std::optional<T>& value, const Rules&...) {
    if (value) Put(key, Value(*value));
  }
  void Scalar(std::string_view key, std::string& value) {
    int number = 0;
    if (absl::SimpleAtoi(value, &number)) return Put(key, number);
    Optional(key, value);
  }
  void Base64(std::string_view key, std::map<std::string, PrivateBytes>& value) {
    Document keys = Document::object();
    for (const auto& [name, secret] : value) keys[name] = "";
    if (!keys.empty()) Put(key, std::move(keys));
  }
  void Base64(std::string_view, StringMap&) {}                           // is in `data` too
  void Plain(std::string_view, std::map<std::string, PrivateBytes>&) {}  // is in `data` too
  void Time(std::string_view key, absl::Time& value) {
    if (value == absl::UnixEpoch()) return;
    Put(key, absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", value, absl::UTCTimeZone()));
  }
  template <typename F>
  void Inside(std::string_view key, F&& describe) {
    Document inner = Document::object();
    Writer writer(inner);
    describe(writer);
    if (!inner.empty()) Put(key, std::move(inner));
  }
  void Ignored(std::initializer_list<std::string_view>) {}
  void Unsupported(std::initializer_list<std::string_view>) {}
  bool Has(std::string_view key) const { return map_.contains(key); }
  // The rules hold, but for those that demand what was left out because it is empty.
  void Rule(bool holds, std::string_view key, std::string_view) {
    if (!holds && !Has(key)) Put(key, Document::object());
  }

 private:
  void Put(std::string_view key, Document value) { map_[std::string(key)] = std::move(value); }

  static bool IsNothing(const Document& value) {
    if (value.is_number()) return value == 0;
    if (value.is_boolean()) return value == false;
    return value.empty() || value == "";
  }

  template <typename T>
  static Document Value(T& value) {
    if constexpr (std::is_same_v<T, std::string> || std::is_arithmetic_v<T> ||
                  std::is_same_v<T, StringMap>) {
      return value;
    } else if constexpr (std::is_same_v<T, absl::Duration>) {
      return gateway_api::FormatDuration(value);
    } else if constexpr (std::is_enum_v<T>) {
      return NameOf(value);
    } else if constexpr (requires { value.emplace_back(); }) {
      Document list = Document::array();
      for (auto& item : value) list.push_back(Value(item));
      return list;
    } else {
      Document map = Document::object();
      Writer writer(map);
      Describe(writer, value);
      return map;
    }
  }

  Document& map_;
};

}  // namespace sluice::gateway_api
