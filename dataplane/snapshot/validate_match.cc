#include "dataplane/snapshot/check.h"
#include "dataplane/snapshot/regex.h"
#include "dataplane/snapshot/syntax.h"
#include "dataplane/snapshot/validate.h"

namespace sluice::snapshot {
namespace {

absl::Status CheckPath(const Match& match) {
  switch (match.path_type()) {
    case Match::PATH_TYPE_REGEX:
      return CompileRegex(match.path()).status();
    case Match::PATH_TYPE_PREFIX:
      if (match.path() != "/" && match.path().ends_with('/')) {
        return Wrong("prefix \"", match.path(), "\" ends with a slash");
      }
      break;
    case Match::PATH_TYPE_EXACT:
      break;
    default:
      return Wrong("unknown path type ", match.path_type());
  }
  if (!IsAbsolutePath(match.path())) return Wrong("\"", match.path(), "\" is no absolute path");
  return absl::OkStatus();
}

absl::Status CheckHeaderMatch(const ValueMatch& match) {
  if (!IsLowerToken(match.name())) {
    return Wrong("header name \"", match.name(), "\" is no lower-case token");
  }
  return match.regex() ? CompileRegex(match.value()).status() : absl::OkStatus();
}

absl::Status CheckQueryMatch(const ValueMatch& match) {
  if (match.name().empty()) return Wrong("a query parameter without a name");
  return match.regex() ? CompileRegex(match.value()).status() : absl::OkStatus();
}

}  // namespace

absl::Status CheckMatch(const Match& match) {
  if (absl::Status s = In("path", CheckPath(match)); !s.ok()) return s;
  if (!match.method().empty() && !IsToken(match.method())) {
    return Wrong("method \"", match.method(), "\" is no token");
  }
  if (match.headers_size() > static_cast<int>(kMaxConditions) ||
      match.query_size() > static_cast<int>(kMaxConditions)) {
    return Wrong("more than ", kMaxConditions, " header or query matches");
  }
  if (absl::Status s = CheckEach("headers", match.headers(), CheckHeaderMatch); !s.ok()) return s;
  return CheckEach("query", match.query(), CheckQueryMatch);
}

}  // namespace sluice::snapshot
