#include "control/compile/matches.h"

#include <set>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "dataplane/snapshot/regex.h"
#include "dataplane/snapshot/syntax.h"

namespace sluice::compile {
namespace {

using gateway_api::MatchType;
using gateway_api::PathMatch;
using gateway_api::ValueMatch;

absl::Status CompilePath(const PathMatch& path, snapshot::Match& out) {
  out.set_path(path.value);
  switch (path.type) {
    case PathMatch::Type::kExact:
      out.set_path_type(snapshot::Match::PATH_TYPE_EXACT);
      break;
    case PathMatch::Type::kPathPrefix:
      out.set_path_type(snapshot::Match::PATH_TYPE_PREFIX);
      if (path.value.size() > 1 && path.value.ends_with('/')) out.mutable_path()->pop_back();
      break;
    case PathMatch::Type::kRegularExpression:
      out.set_path_type(snapshot::Match::PATH_TYPE_REGEX);
      return snapshot::CompileRegex(path.value).status();
  }
  if (snapshot::IsAbsolutePath(out.path())) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("'", out.path(), "' is no absolute path"));
}

absl::Status CompileValue(const ValueMatch& match, snapshot::ValueMatch& out) {
  out.set_value(match.value);
  out.set_regex(match.type == MatchType::kRegularExpression);
  return out.regex() ? snapshot::CompileRegex(match.value).status() : absl::OkStatus();
}

absl::Status CompileHeaders(const std::vector<ValueMatch>& headers, snapshot::Match& out) {
  std::set<std::string> seen;
  for (const ValueMatch& header : headers) {
    std::string name = absl::AsciiStrToLower(header.name);
    if (!seen.insert(name).second) continue;
    snapshot::ValueMatch& added = *out.add_headers();
    added.set_name(name);
    if (absl::Status s = CompileValue(header, added); !s.ok()) return s;
  }
  return absl::OkStatus();
}

// Lower ranks first.
int Rank(snapshot::Match::PathType type) {
  switch (type) {
    case snapshot::Match::PATH_TYPE_EXACT:
      return 0;
    case snapshot::Match::PATH_TYPE_REGEX:
      return 1;
    default:
      return 2;
  }
}

auto Key(const RankedMatch& m) {
  return std::make_tuple(Rank(m.match.path_type()), -static_cast<int>(m.match.path().size()),
                         m.match.method().empty(), -m.match.headers_size(), -m.match.query_size(),
                         m.route->creation_time, std::string_view(m.route->namespace_),
                         std::string_view(m.route->name), m.rule, m.match.index());
}

}  // namespace

absl::StatusOr<snapshot::Match> CompileMatch(const gateway_api::HttpRouteMatch& match) {
  snapshot::Match out;
  if (absl::Status s = CompilePath(match.path, out); !s.ok()) return s;
  out.set_method(match.method);
  if (absl::Status s = CompileHeaders(match.headers, out); !s.ok()) return s;
  for (const ValueMatch& query : match.query_params) {
    snapshot::ValueMatch& added = *out.add_query();
    added.set_name(query.name);
    if (absl::Status s = CompileValue(query, added); !s.ok()) return s;
  }
  return out;
}

bool Precedes(const RankedMatch& a, const RankedMatch& b) { return Key(a) < Key(b); }

}  // namespace sluice::compile
