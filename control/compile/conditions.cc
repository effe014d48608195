#include "control/compile/conditions.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace sluice::compile {
namespace {

Condition True(std::string_view type, std::string_view reason, std::string message) {
  return {std::string(type), true, std::string(reason), std::move(message)};
}

Condition False(std::string_view type, std::string_view reason, std::string message) {
  return {std::string(type), false, std::string(reason), std::move(message)};
}

constexpr char kAccepted[] = "Accepted";
constexpr char kProgrammed[] = "Programmed";
constexpr char kResolvedRefs[] = "ResolvedRefs";
constexpr char kConflicted[] = "Conflicted";
constexpr char kSupportedVersion[] = "SupportedVersion";

}  // namespace

void Stamp(std::vector<Condition>& conditions, int64_t generation) {
  for (Condition& condition : conditions) condition.observed_generation = generation;
}

const Condition* FindCondition(const std::vector<Condition>& conditions, std::string_view type) {
  auto found = std::ranges::find(conditions, type, &Condition::type);
  return found == conditions.end() ? nullptr : &*found;
}

Condition ClassAccepted() { return True(kAccepted, kAccepted, "the class is served by Sluice"); }
Condition ClassInvalidParameters(std::string_view why) {
  return False(kAccepted, "InvalidParameters", std::string(why));
}
Condition ClassSupportedVersion(std::string_view version) {
  return True(kSupportedVersion, kSupportedVersion,
              version.empty() ? "the Gateway API's version is not known here"
                              : absl::StrCat("Gateway API ", version, " is supported"));
}
Condition ClassUnsupportedVersion(std::string_view version) {
  return False(kSupportedVersion, "UnsupportedVersion",
               absl::StrCat("Gateway API ", version,
                            " is not known; it is served as far as it resembles v1.6"));
}

Condition GatewayAccepted() { return True(kAccepted, kAccepted, "the Gateway is accepted"); }
Condition GatewayListenersNotValid(bool some_valid, std::string_view which) {
  std::string message = absl::StrCat("listeners that are not valid: ", which);
  return {kAccepted, some_valid, "ListenersNotValid", message};
}
Condition GatewayUnsupportedAddress(std::string_view type) {
  return False(kAccepted, "UnsupportedAddress",
               absl::StrCat("addresses of type ", type, " are not supported; use IPAddress"));
}
Condition GatewayInvalidParameters(std::string_view why) {
  return False(kAccepted, "InvalidParameters", std::string(why));
}
Condition GatewayProgrammed() {
  return True(kProgrammed, kProgrammed, "the Gateway is programmed");
}
Condition GatewayNotProgrammed(std::string_view why) {
  return False(kProgrammed, "Invalid", std::string(why));
}
Condition GatewayAddressNotUsable(std::string_view why) {
  return False(kProgrammed, "AddressNotUsable", std::string(why));
}
Condition GatewayAddressNotAssigned(std::string_view why) {
  return False(kProgrammed, "AddressNotAssigned", std::string(why));
}

Condition ListenerAccepted() { return True(kAccepted, kAccepted, "the listener is accepted"); }
Condition ListenerUnsupportedProtocol(std::string_view protocol) {
  return False(kAccepted, "UnsupportedProtocol",
               absl::StrCat("the protocol ", protocol, " is not supported; HTTP and HTTPS are"));
}
Condition ListenerUnsupportedValue(std::string_view what) {
  return False(kAccepted, "UnsupportedValue", std::string(what));
}
Condition ListenerNotAcceptedBy(const Condition& conflict) {
  return False(kAccepted, conflict.reason, conflict.message);
}
Condition ListenerNoConflicts() {
  return False(kConflicted, "NoConflicts", "the listener has no conflicts");
}
Condition ListenerProtocolConflict(int port) {
  return True(kConflicted, "ProtocolConflict",
              absl::StrCat("listeners of port ", port, " have different protocols"));
}
Condition ListenerHostnameConflict(std::string_view hostname) {
  return True(kConflicted, "HostnameConflict",
              absl::StrCat("another listener of this port has the hostname '", hostname, "'"));
}
Condition ListenerResolvedRefs() {
  return True(kResolvedRefs, kResolvedRefs, "all references are resolved");
}
Condition ListenerInvalidCertificateRef(std::string_view why) {
  return False(kResolvedRefs, "InvalidCertificateRef", std::string(why));
}
Condition ListenerRefNotPermitted(std::string_view what) {
  return False(kResolvedRefs, "RefNotPermitted",
               absl::StrCat("no ReferenceGrant permits the reference to ", what));
}
Condition ListenerInvalidRouteKinds(std::string_view kinds) {
  return False(kResolvedRefs, "InvalidRouteKinds",
               absl::StrCat("route kinds that the listener does not support: ", kinds));
}
Condition ListenerProgrammed() {
  return True(kProgrammed, kProgrammed, "the listener is programmed");
}
Condition ListenerInvalid(std::string_view why) {
  return False(kProgrammed, "Invalid", std::string(why));
}
Condition ListenerNotProgrammedBy(const Condition& conflict) {
  return False(kProgrammed, conflict.reason, conflict.message);
}
Condition ListenerPending(std::string_view why) {
  return False(kProgrammed, "Pending", std::string(why));
}

Condition ListenerBeyondLimits() {
  return False(kProgrammed, "TooManyListeners",
               "with older Gateways, this one has more listeners or addresses than can be served");
}

Condition ListenerSetAccepted() {
  return True(kAccepted, kAccepted, "the ListenerSet is accepted");
}
Condition ListenerSetNotAllowed() {
  return False(kAccepted, "NotAllowed",
               "the Gateway's allowedListeners do not admit this namespace");
}
Condition ListenerSetParentNotAccepted() {
  return False(kAccepted, "ParentNotAccepted", "the Gateway is not accepted");
}
Condition ListenerSetListenersNotValid(bool some_valid, std::string_view which) {
  std::string message = absl::StrCat("listeners that are not valid: ", which);
  return {kAccepted, some_valid, "ListenersNotValid", message};
}
Condition ListenerSetProgrammed() {
  return True(kProgrammed, kProgrammed, "the ListenerSet is programmed");
}
Condition ListenerSetNotProgrammedBy(const Condition& accepted) {
  return False(kProgrammed, accepted.reason, accepted.message);
}
Condition ListenerSetParentNotProgrammed(std::string_view why) {
  return False(kProgrammed, "ParentNotProgrammed", std::string(why));
}

Condition RouteAccepted() { return True(kAccepted, kAccepted, "the route is accepted"); }
Condition RouteGatewayNotAccepted(std::string_view why) {
  return False(kAccepted, "GatewayNotAccepted", absl::StrCat("the Gateway is not accepted: ", why));
}
Condition RouteNoMatchingParent(std::string_view why) {
  return False(kAccepted, "NoMatchingParent", std::string(why));
}
Condition RouteNotAllowedByListeners(std::string_view why) {
  return False(kAccepted, "NotAllowedByListeners", std::string(why));
}
Condition RouteNoMatchingListenerHostname() {
  return False(kAccepted, "NoMatchingListenerHostname",
               "no listener's hostname has one of the route's hostnames in common");
}
Condition RouteUnsupportedValue(std::string_view why) {
  return False(kAccepted, "UnsupportedValue", absl::StrCat("requests are answered 500: ", why));
}
Condition RouteBeyondLimits() {
  return False(
      kAccepted, "TooManyMatches",
      "with older routes, this one has more hostnames, matches and backends than can be served");
}
Condition RoutePartiallyInvalid(std::string_view which) {
  return True("PartiallyInvalid", "UnsupportedValue",
              absl::StrCat("Dropped Rule(s), whose requests are answered 500: ", which));
}
Condition RouteResolvedRefs() {
  return True(kResolvedRefs, kResolvedRefs, "all references are resolved");
}
Condition RouteInvalidKind(std::string_view what) {
  return False(kResolvedRefs, "InvalidKind", std::string(what));
}
Condition RouteBackendNotFound(std::string_view what) {
  return False(kResolvedRefs, "BackendNotFound", std::string(what));
}
Condition RouteRefNotPermitted(std::string_view what) {
  return False(kResolvedRefs, "RefNotPermitted",
               absl::StrCat("no ReferenceGrant permits the reference to ", what));
}
Condition RouteUnsupportedProtocol(std::string_view why) {
  return False(kResolvedRefs, "UnsupportedProtocol", std::string(why));
}

Condition PolicyNotSupported() {
  return False(kAccepted, "Invalid",
               "BackendTLSPolicy is not supported; requests to its targets are answered 500");
}

}  // namespace sluice::compile
