// Filters of HTTPRoute and GRPCRoute rules and backendRefs. Exactly the member that `type` names is
// set; parsing rejects anything else. Plain values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway-api/reference.h"

namespace sluice::gateway_api {

struct HttpHeader {
  std::string name;
  std::string value;

  bool operator==(const HttpHeader&) const = default;
};

struct HeaderModifier {
  std::vector<HttpHeader> set;
  std::vector<HttpHeader> add;
  std::vector<std::string> remove;

  bool operator==(const HeaderModifier&) const = default;
};

struct PathModifier {
  enum class Type { kReplaceFullPath, kReplacePrefixMatch };
  Type type = Type::kReplaceFullPath;
  std::string value;

  bool operator==(const PathModifier&) const = default;
};

struct RequestRedirect {
  std::string scheme;    // "": that of the request
  std::string hostname;  // "": that of the request
  std::optional<PathModifier> path;
  int port = 0;  // 0: by scheme if that is given, else the listener's
  int status_code = 302;

  bool operator==(const RequestRedirect&) const = default;
};

struct UrlRewrite {
  std::string hostname;
  std::optional<PathModifier> path;

  bool operator==(const UrlRewrite&) const = default;
};

struct Fraction {
  int numerator = 0;
  int denominator = 100;

  bool operator==(const Fraction&) const = default;
};

struct RequestMirror {
  BackendObjectReference backend_ref;
  std::optional<int> percent;
  std::optional<Fraction> fraction;

  bool operator==(const RequestMirror&) const = default;
};

struct Cors {
  std::vector<std::string> allow_origins;
  bool allow_credentials = false;
  std::vector<std::string> allow_methods;
  std::vector<std::string> allow_headers;
  std::vector<std::string> expose_headers;
  int max_age = 5;  // seconds

  bool operator==(const Cors&) const = default;
};

struct RouteFilter {
  enum class Type {
    kRequestHeaderModifier,
    kResponseHeaderModifier,
    kRequestMirror,
    kRequestRedirect,
    kUrlRewrite,
    kCors,
    kExtensionRef,
    kExternalAuth,  // experimental: known by name, its body is not read
  };
  Type type = Type::kRequestHeaderModifier;
  std::optional<HeaderModifier> request_header_modifier;
  std::optional<HeaderModifier> response_header_modifier;
  std::optional<RequestMirror> request_mirror;
  std::optional<RequestRedirect> request_redirect;
  std::optional<UrlRewrite> url_rewrite;
  std::optional<Cors> cors;
  std::optional<LocalObjectReference> extension_ref;

  bool operator==(const RouteFilter&) const = default;
};

// "RequestMirror" and so on, as the API spells it.
std::string_view ToString(RouteFilter::Type type);

}  // namespace sluice::gateway_api
