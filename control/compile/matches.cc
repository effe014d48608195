#include "control/compile/matches.h"

#include <re2/re2.h>

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

Specificity SpecificityOf(const snapshot::Match& match) {
  return {1,
          Rank(match.path_type()),
          -static_cast<int>(match.path().size()),
          match.method().empty() ? 1 : 0,
          -match.headers_size(),
          -match.query_size()};
}

// A path of two segments of which either may be any.
absl::Status CompileMethod(const gateway_api::GrpcMethodMatch& method, snapshot::Match& out) {
  const bool regex = method.type == MatchType::kRegularExpression;
  if (!regex && method.method.empty()) {
    out.set_path_type(snapshot::Match::PATH_TYPE_PREFIX);
    out.set_path(absl::StrCat("/", method.service));
  } else if (!regex && !method.service.empty()) {
    out.set_path_type(snapshot::Match::PATH_TYPE_EXACT);
    out.set_path(absl::StrCat("/", method.service, "/", method.method));
  } else {
    const auto segment = [&](const std::string& text) {
      if (text.empty()) return std::string("[^/]+");
      return regex ? absl::StrCat("(?:", text, ")") : RE2::QuoteMeta(text);
    };
    out.set_path_type(snapshot::Match::PATH_TYPE_REGEX);
    out.set_path(absl::StrCat("/", segment(method.service), "/", segment(method.method)));
    return snapshot::CompileRegex(out.path()).status();
  }
  if (snapshot::IsAbsolutePath(out.path())) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("'", out.path(), "' is no path of a method"));
}

auto Key(const RankedMatch& m) {
  return std::tuple(m.compiled->specificity, m.route->creation_time,
                    std::string_view(m.route->namespace_), std::string_view(m.route->name), m.rule,
                    m.compiled->match.index());
}

}  // namespace

absl::StatusOr<CompiledMatch> CompileMatch(const gateway_api::HttpRouteMatch& match) {
  CompiledMatch compiled;
  snapshot::Match& out = compiled.match;
  if (absl::Status s = CompilePath(match.path, out); !s.ok()) return s;
  out.set_method(match.method);
  if (absl::Status s = CompileHeaders(match.headers, out); !s.ok()) return s;
  for (const ValueMatch& query : match.query_params) {
    snapshot::ValueMatch& added = *out.add_query();
    added.set_name(query.name);
    if (absl::Status s = CompileValue(query, added); !s.ok()) return s;
  }
  compiled.specificity = SpecificityOf(out);
  return compiled;
}

absl::StatusOr<CompiledMatch> CompileMatch(const gateway_api::GrpcRouteMatch& match) {
  CompiledMatch compiled;
  snapshot::Match& out = compiled.match;
  out.set_grpc(true);
  out.set_path("/");
  const gateway_api::GrpcMethodMatch method = match.method.value_or(gateway_api::GrpcMethodMatch{});
  if (match.method) {
    if (absl::Status s = CompileMethod(method, out); !s.ok()) return s;
  }
  if (absl::Status s = CompileHeaders(match.headers, out); !s.ok()) return s;
  compiled.specificity = {0,
                          -static_cast<int>(method.service.size()),
                          -static_cast<int>(method.method.size()),
                          -out.headers_size(),
                          0,
                          0};
  return compiled;
}

bool Precedes(const RankedMatch& a, const RankedMatch& b) { return Key(a) < Key(b); }

}  // namespace sluice::compile
