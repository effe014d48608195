// What a match asks of a request besides a plain path: that it is gRPC, method, headers, query, and
// the path by regular expression. Immutable; any thread.
#pragma once

#include <re2/re2.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "dataplane/http/message.h"
#include "dataplane/snapshot/snapshot.pb.h"

namespace sluice::route {

// Every pattern of a table, compiled once however often it is used.
class RegexSet {
 public:
  absl::StatusOr<const RE2*> Get(const std::string& pattern);

 private:
  absl::flat_hash_map<std::string, std::unique_ptr<const RE2>> by_pattern_;
};

class Conditions {
 public:
  // Borrows `match`; the expressions belong to `regexes`.
  static absl::StatusOr<Conditions> Make(const snapshot::Match& match, RegexSet& regexes);

  // True if all of them hold. Rarely (a repeated header, an escaped parameter) text is made in the
  // head's arena; nothing else is allocated.
  bool Hold(const http::RequestHead& head) const;

 private:
  struct Value {
    const snapshot::ValueMatch* match;
    const RE2* regex;  // null: compared as text
  };
  using Values = std::vector<Value>;

  static absl::StatusOr<Values> MakeValues(
      const google::protobuf::RepeatedPtrField<snapshot::ValueMatch>& matches, RegexSet& regexes);
  static bool Holds(const Value& value, std::optional<std::string_view> text);

  bool grpc_ = false;
  std::string_view method_;  // "": any
  const RE2* path_ = nullptr;
  Values headers_;
  Values query_;
};

// True for a content-type of application/grpc, also with "+proto" or parameters after it.
bool IsGrpc(const http::RequestHead& head);

// The value of a header as one text: several fields are joined by ", " (RFC 9110 5.3).
std::optional<std::string_view> HeaderValue(const http::RequestHead& head, std::string_view name);

// The value of the first parameter called `name`, with %-escapes and '+' (a space) decoded, in name
// and value alike. A parameter without '=' has the value "".
std::optional<std::string_view> QueryValue(const http::RequestHead& head, std::string_view name);

}  // namespace sluice::route
