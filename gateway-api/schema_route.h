// Schemas of the five route kinds and of their filters (Gateway API v1.6, standard channel, with
// the experimental `retry`). What a schema is: schema_meta.h.
#pragma once

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway-api/grpc_route.h"
#include "gateway-api/http_route.h"
#include "gateway-api/schema_meta.h"
#include "gateway-api/stream_routes.h"

namespace sluice::gateway_api {

inline constexpr Text kHeaderValue{1, 4096, nullptr, ""};

template <class V>
void Describe(V& v, HttpHeader& header) {
  v.Required("name", header.name, kHeaderName);
  v.Required("value", header.value, kHeaderValue);
}

template <class V>
void Describe(V& v, HeaderModifier& modifier) {
  v.Optional("set", modifier.set, Count{0, 16}, UniqueBy<HttpHeader>{&HttpHeader::name, "name"});
  v.Optional("add", modifier.add, Count{0, 16}, UniqueBy<HttpHeader>{&HttpHeader::name, "name"});
  v.Optional("remove", modifier.remove, Count{0, 16}, Distinct{}, kHeaderName);
}

template <class V>
void Describe(V& v, PathModifier& modifier) {
  v.Required("type", modifier.type);
  bool full = modifier.type == PathModifier::Type::kReplaceFullPath;
  const char* key = full ? "replaceFullPath" : "replacePrefixMatch";
  const char* other = full ? "replacePrefixMatch" : "replaceFullPath";
  v.Required(key, modifier.value, Text{0, 1024, nullptr, ""});
  v.Rule(!v.Has(other), other, "does not go with this type");
  if (v.Has(other)) v.Ignored({other});
}

template <class V>
void Describe(V& v, RequestRedirect& redirect) {
  v.Optional("scheme", redirect.scheme, OneOf{{"http", "https"}});
  v.Optional("hostname", redirect.hostname, kPreciseHostname);
  v.Optional("path", redirect.path);
  v.Optional("port", redirect.port, kPort);
  v.Defaulted("statusCode", redirect.status_code, OneOfNumbers{{301, 302, 303, 307, 308}});
}

template <class V>
void Describe(V& v, UrlRewrite& rewrite) {
  v.Optional("hostname", rewrite.hostname, kPreciseHostname);
  v.Optional("path", rewrite.path);
}

template <class V>
void Describe(V& v, Fraction& fraction) {
  v.Required("numerator", fraction.numerator, Range{0});
  v.Defaulted("denominator", fraction.denominator, Range{1});
  v.Rule(fraction.numerator <= fraction.denominator, "numerator",
         "must not be larger than the denominator");
}

template <class V>
void Describe(V& v, RequestMirror& mirror) {
  v.Required("backendRef", mirror.backend_ref);
  v.Optional("percent", mirror.percent, Range{0, 100});
  v.Optional("fraction", mirror.fraction);
  v.Rule(!mirror.percent || !mirror.fraction, "fraction", "does not go with percent");
}

template <class V>
void Describe(V& v, Cors& cors) {
  v.Optional("allowOrigins", cors.allow_origins, Count{0, 64}, Distinct{},
             Text{1, 253, IsCorsOrigin, "'*' or an origin such as https://*.example.com"});
  v.Optional("allowCredentials", cors.allow_credentials);
  v.Optional(
      "allowMethods", cors.allow_methods, Count{0, 9}, Distinct{},
      OneOf{{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "*"}});
  v.Optional("allowHeaders", cors.allow_headers, Count{0, 64}, Distinct{}, kHeaderName);
  v.Optional("exposeHeaders", cors.expose_headers, Count{0, 64}, Distinct{}, kHeaderName);
  v.Defaulted("maxAge", cors.max_age, Range{1});
  auto alone = [](const std::vector<std::string>& words) {
    return words.size() <= 1 || std::ranges::find(words, "*") == words.end();
  };
  v.Rule(alone(cors.allow_origins), "allowOrigins", "'*' must stand alone");
  v.Rule(alone(cors.allow_methods), "allowMethods", "'*' must stand alone");
  v.Rule(alone(cors.allow_headers), "allowHeaders", "'*' must stand alone");
}

// The member that `type` names must be there, and no other.
template <class V>
void Describe(V& v, RouteFilter& filter) {
  using Type = RouteFilter::Type;
  v.Required("type", filter.type);
  auto member = [&](std::string_view key, auto& value, Type type) {
    v.Optional(key, value);
    v.Rule(value.has_value() == (filter.type == type), key,
           "must be given with its own type, and only with it");
  };
  member("requestHeaderModifier", filter.request_header_modifier, Type::kRequestHeaderModifier);
  member("responseHeaderModifier", filter.response_header_modifier, Type::kResponseHeaderModifier);
  member("requestMirror", filter.request_mirror, Type::kRequestMirror);
  member("requestRedirect", filter.request_redirect, Type::kRequestRedirect);
  member("urlRewrite", filter.url_rewrite, Type::kUrlRewrite);
  member("cors", filter.cors, Type::kCors);
  member("extensionRef", filter.extension_ref, Type::kExtensionRef);
  v.Ignored({"externalAuth"});
}

inline int CountOf(const std::vector<RouteFilter>& filters, RouteFilter::Type type) {
  return static_cast<int>(std::ranges::count(filters, type, &RouteFilter::type));
}

template <class V>
void DescribeFilters(V& v, std::vector<RouteFilter>& filters) {
  using Type = RouteFilter::Type;
  v.Optional("filters", filters, Count{0, 16});
  for (Type type : {Type::kRequestHeaderModifier, Type::kResponseHeaderModifier,
                    Type::kRequestRedirect, Type::kUrlRewrite, Type::kCors}) {
    v.Rule(CountOf(filters, type) <= 1, "filters", "a filter of this type may be given only once");
  }
  v.Rule(CountOf(filters, Type::kRequestRedirect) == 0 || CountOf(filters, Type::kUrlRewrite) == 0,
         "filters", "RequestRedirect and URLRewrite do not go together");
}

template <class V>
void Describe(V& v, HttpBackendRef& ref) {
  Describe(v, ref.backend);
  DescribeFilters(v, ref.filters);
}

// RFC 3986 paths without what a client's normalisation would change.
inline std::string PathViolation(const PathMatch& match) {
  if (match.type == PathMatch::Type::kRegularExpression) return "";
  const std::string& path = match.value;
  if (!path.starts_with('/')) return "must start with '/'";
  for (std::string_view part : {"//", "/./", "/../", "%2f", "%2F", "#"}) {
    if (absl::StrContains(path, part)) return absl::StrCat("must not contain '", part, "'");
  }
  for (std::string_view end : {"/..", "/."}) {
    if (path.ends_with(end)) return absl::StrCat("must not end with '", end, "'");
  }
  return IsUrlPath(path) ? "" : "has characters that a path cannot have";
}

template <class V>
void Describe(V& v, PathMatch& match) {
  v.Defaulted("type", match.type);
  v.Defaulted("value", match.value, Text{0, 1024, nullptr, ""});
  std::string violation = PathViolation(match);
  v.Rule(violation.empty(), "value", violation);
}

template <class V>
void Describe(V& v, ValueMatch& match) {
  v.Defaulted("type", match.type);
  v.Required("name", match.name, kHeaderName);
  v.Required("value", match.value, kHeaderValue);
}

template <class V>
void Describe(V& v, HttpRouteMatch& match) {
  UniqueBy<ValueMatch> unique{&ValueMatch::name, "name"};
  v.Defaulted("path", match.path);
  v.Optional("headers", match.headers, Count{0, 16}, unique);
  v.Optional("queryParams", match.query_params, Count{0, 16}, unique);
  v.Optional(
      "method", match.method,
      OneOf{{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}});
}

template <class V>
void Describe(V& v, HttpTimeouts& timeouts) {
  v.Optional("request", timeouts.request);
  v.Optional("backendRequest", timeouts.backend_request);
  bool limited = timeouts.request && *timeouts.request > absl::ZeroDuration();
  v.Rule(!limited || !timeouts.backend_request || *timeouts.backend_request <= *timeouts.request,
         "backendRequest", "must not be longer than request");
}

template <class V>
void Describe(V& v, HttpRetry& retry) {
  v.Optional("codes", retry.codes, Range{400, 599});
  v.Optional("attempts", retry.attempts, Range{1});
  v.Optional("backoff", retry.backoff);
}

// Replacing a prefix needs to know which.
inline bool HasPrefixReplacement(const std::vector<RouteFilter>& filters) {
  auto replaces = [](const std::optional<PathModifier>& path) {
    return path && path->type == PathModifier::Type::kReplacePrefixMatch;
  };
  return std::ranges::any_of(filters, [&](const RouteFilter& f) {
    return (f.request_redirect && replaces(f.request_redirect->path)) ||
           (f.url_rewrite && replaces(f.url_rewrite->path));
  });
}

template <class V>
void Describe(V& v, HttpRouteRule& rule) {
  v.Optional("name", rule.name, kSectionName);
  v.Optional("matches", rule.matches, Count{0, 64});
  if (rule.matches.empty()) rule.matches.emplace_back();
  DescribeFilters(v, rule.filters);
  v.Optional("backendRefs", rule.backend_refs, Count{0, 16});
  v.Optional("timeouts", rule.timeouts);
  v.Optional("retry", rule.retry);
  v.Unsupported({"sessionPersistence"});

  v.Rule(
      rule.backend_refs.empty() || CountOf(rule.filters, RouteFilter::Type::kRequestRedirect) == 0,
      "filters", "RequestRedirect does not go with backendRefs");
  bool replaces = HasPrefixReplacement(rule.filters) ||
                  std::ranges::any_of(rule.backend_refs, [](const HttpBackendRef& ref) {
                    return HasPrefixReplacement(ref.filters);
                  });
  bool one_prefix =
      rule.matches.size() == 1 && rule.matches.front().path.type == PathMatch::Type::kPathPrefix;
  v.Rule(!replaces || one_prefix, "filters",
         "replacePrefixMatch needs exactly one match, of type PathPrefix");
}

template <class V, class Rule>
void DescribeRules(V& v, std::vector<Rule>& rules) {
  v.Optional("rules", rules, Count{0, 16});
  size_t matches = 0;
  for (const Rule& rule : rules) matches += rule.matches.size();
  v.Rule(matches <= 128, "rules", "more than 128 matches in all rules");
}

template <class V>
void Describe(V& v, HttpRoute& route) {
  v.Required("metadata", route.meta);
  v.Inside("spec", [&](auto& spec) {
    DescribeParents(spec, route.parent_refs);
    spec.Optional("hostnames", route.hostnames, Count{0, 16}, kHostname);
    DescribeRules(spec, route.rules);
    spec.Rule(!spec.Has("rules") || !route.rules.empty(), "rules", "must not be empty");
  });
  if (route.rules.empty()) route.rules.emplace_back().matches.emplace_back();
  v.Rule(v.Has("spec"), "spec", "is required");
  v.Ignored({"status"});
}

template <class V>
void Describe(V& v, GrpcMethodMatch& match) {
  v.Defaulted("type", match.type);
  v.Optional("service", match.service, Text{0, 1024, nullptr, ""});
  v.Optional("method", match.method, Text{0, 1024, nullptr, ""});
  v.Rule(!match.service.empty() || !match.method.empty(), "service",
         "service or method is required");
  const bool exact = match.type == MatchType::kExact;
  v.Rule(!exact || match.service.empty() || IsGrpcService(match.service), "service",
         "is no name of a gRPC service");
  v.Rule(!exact || match.method.empty() || IsGrpcMethod(match.method), "method",
         "is no name of a gRPC method");
}

// GRPCRoute has some of HTTPRoute's filters.
template <class V>
void DescribeGrpcFilters(V& v, std::vector<RouteFilter>& filters) {
  using Type = RouteFilter::Type;
  DescribeFilters(v, filters);
  for (Type type : {Type::kRequestRedirect, Type::kUrlRewrite, Type::kCors, Type::kExternalAuth}) {
    v.Rule(CountOf(filters, type) == 0, "filters", "a GRPCRoute has no filter of this type");
  }
}

template <class V>
void Describe(V& v, GrpcRouteMatch& match) {
  v.Optional("method", match.method);
  v.Optional("headers", match.headers, Count{0, 16},
             UniqueBy<ValueMatch>{&ValueMatch::name, "name"});
}

template <class V>
void Describe(V& v, GrpcRouteRule& rule) {
  v.Optional("name", rule.name, kSectionName);
  v.Optional("matches", rule.matches, Count{0, 64});
  DescribeGrpcFilters(v, rule.filters);
  v.Optional("backendRefs", rule.backend_refs, Count{0, 16});
  v.Unsupported({"sessionPersistence"});
}

template <class V>
void Describe(V& v, GrpcRoute& route) {
  v.Required("metadata", route.meta);
  v.Inside("spec", [&](auto& spec) {
    DescribeParents(spec, route.parent_refs);
    spec.Optional("hostnames", route.hostnames, Count{0, 16}, kHostname);
    DescribeRules(spec, route.rules);
  });
  v.Rule(v.Has("spec"), "spec", "is required");
  v.Ignored({"status"});
}

template <class V>
void Describe(V& v, StreamRouteRule& rule) {
  v.Optional("name", rule.name, kSectionName);
  v.Required("backendRefs", rule.backend_refs, Count{1, 16});
}

template <class V>
void Describe(V& v, TlsRoute& route) {
  v.Required("metadata", route.meta);
  v.Inside("spec", [&](auto& spec) {
    DescribeParents(spec, route.parent_refs);
    spec.Required("hostnames", route.hostnames, Count{1, 1024}, kHostname);
    spec.Rule(std::ranges::none_of(route.hostnames,
                                   [](const std::string& name) { return IsIpAddress(name); }),
              "hostnames", "must not be an IP address");
    spec.Required("rules", route.rules, Count{1, 1});
  });
  v.Rule(v.Has("spec"), "spec", "is required");
  v.Ignored({"status"});
}

template <class V, class Route>
void DescribePortRoute(V& v, Route& route) {
  v.Required("metadata", route.meta);
  v.Inside("spec", [&](auto& spec) {
    DescribeParents(spec, route.parent_refs);
    spec.Required("rules", route.rules, Count{1, 1});
  });
  v.Rule(v.Has("spec"), "spec", "is required");
  v.Ignored({"status"});
}

template <class V>
void Describe(V& v, TcpRoute& route) {
  DescribePortRoute(v, route);
}

template <class V>
void Describe(V& v, UdpRoute& route) {
  DescribePortRoute(v, route);
}

}  // namespace sluice::gateway_api
