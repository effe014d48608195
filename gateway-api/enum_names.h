// The names that the APIs give to our enums' values: one table a type, read in both directions.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "gateway-api/object_set.h"

namespace sluice::gateway_api {

template <typename E>
struct EnumNames;  // static constexpr std::pair<E, std::string_view> kTable[]

#define SLUICE_ENUM_NAMES(Type, ...)                                             \
  template <>                                                                    \
  struct EnumNames<Type> {                                                       \
    static constexpr std::pair<Type, std::string_view> kTable[] = {__VA_ARGS__}; \
  }

SLUICE_ENUM_NAMES(FromNamespaces, {FromNamespaces::kAll, "All"},
                  {FromNamespaces::kSelector, "Selector"}, {FromNamespaces::kSame, "Same"},
                  {FromNamespaces::kNone, "None"});
SLUICE_ENUM_NAMES(TlsMode, {TlsMode::kTerminate, "Terminate"},
                  {TlsMode::kPassthrough, "Passthrough"});
SLUICE_ENUM_NAMES(FrontendValidationMode,
                  {FrontendValidationMode::kAllowValidOnly, "AllowValidOnly"},
                  {FrontendValidationMode::kAllowInsecureFallback, "AllowInsecureFallback"});
SLUICE_ENUM_NAMES(LabelSelector::Operator, {LabelSelector::Operator::kIn, "In"},
                  {LabelSelector::Operator::kNotIn, "NotIn"},
                  {LabelSelector::Operator::kExists, "Exists"},
                  {LabelSelector::Operator::kDoesNotExist, "DoesNotExist"});
SLUICE_ENUM_NAMES(RouteFilter::Type,
                  {RouteFilter::Type::kRequestHeaderModifier, "RequestHeaderModifier"},
                  {RouteFilter::Type::kResponseHeaderModifier, "ResponseHeaderModifier"},
                  {RouteFilter::Type::kRequestMirror, "RequestMirror"},
                  {RouteFilter::Type::kRequestRedirect, "RequestRedirect"},
                  {RouteFilter::Type::kUrlRewrite, "URLRewrite"},
                  {RouteFilter::Type::kCors, "CORS"},
                  {RouteFilter::Type::kExtensionRef, "ExtensionRef"},
                  {RouteFilter::Type::kExternalAuth, "ExternalAuth"});
SLUICE_ENUM_NAMES(PathModifier::Type, {PathModifier::Type::kReplaceFullPath, "ReplaceFullPath"},
                  {PathModifier::Type::kReplacePrefixMatch, "ReplacePrefixMatch"});
SLUICE_ENUM_NAMES(MatchType, {MatchType::kExact, "Exact"},
                  {MatchType::kRegularExpression, "RegularExpression"});
SLUICE_ENUM_NAMES(PathMatch::Type, {PathMatch::Type::kExact, "Exact"},
                  {PathMatch::Type::kPathPrefix, "PathPrefix"},
                  {PathMatch::Type::kRegularExpression, "RegularExpression"});
SLUICE_ENUM_NAMES(BackendTlsPolicy::SubjectAltName::Type,
                  {BackendTlsPolicy::SubjectAltName::Type::kHostname, "Hostname"},
                  {BackendTlsPolicy::SubjectAltName::Type::kUri, "URI"});
SLUICE_ENUM_NAMES(Service::Type, {Service::Type::kClusterIP, "ClusterIP"},
                  {Service::Type::kNodePort, "NodePort"},
                  {Service::Type::kLoadBalancer, "LoadBalancer"},
                  {Service::Type::kExternalName, "ExternalName"});
SLUICE_ENUM_NAMES(IpFamily, {IpFamily::kIPv4, "IPv4"}, {IpFamily::kIPv6, "IPv6"});
SLUICE_ENUM_NAMES(EndpointSlice::AddressType, {EndpointSlice::AddressType::kIPv4, "IPv4"},
                  {EndpointSlice::AddressType::kIPv6, "IPv6"},
                  {EndpointSlice::AddressType::kFqdn, "FQDN"});
SLUICE_ENUM_NAMES(GatewayParameters::AccessLogFormat,
                  {GatewayParameters::AccessLogFormat::kJson, "JSON"},
                  {GatewayParameters::AccessLogFormat::kText, "Text"},
                  {GatewayParameters::AccessLogFormat::kOff, "Off"});

#undef SLUICE_ENUM_NAMES

template <typename E>
bool FromName(std::string_view name, E& out) {
  for (const auto& [value, text] : EnumNames<E>::kTable) {
    if (text != name) continue;
    out = value;
    return true;
  }
  return false;
}

template <typename E>
std::string_view NameOf(E value) {
  for (const auto& [candidate, text] : EnumNames<E>::kTable) {
    if (candidate == value) return text;
  }
  return "";
}

// "All, Selector, Same", for messages.
template <typename E>
std::string NamesOf() {
  std::string list;
  for (const auto& [value, text] : EnumNames<E>::kTable) {
    if (!list.empty()) list += ", ";
    list += text;
  }
  return list;
}

}  // namespace sluice::gateway_api
