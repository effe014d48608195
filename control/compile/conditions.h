// Every outcome that a status can show: one constructor each, so that type, reason and wording
// stand in one place. Reasons are those of Gateway API v1.6. observed_generation is set later, for
// a whole status at once (Stamp). Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/compile/status.h"

namespace sluice::compile {

void Stamp(std::vector<Condition>& conditions, int64_t generation);
const Condition* FindCondition(const std::vector<Condition>& conditions, std::string_view type);

// GatewayClass.
Condition ClassAccepted();
Condition ClassInvalidParameters(std::string_view why);
Condition ClassSupportedVersion(std::string_view version);
Condition ClassUnsupportedVersion(std::string_view version);

// Gateway.
Condition GatewayAccepted();
Condition GatewayListenersNotValid(bool some_valid, std::string_view which);
Condition GatewayUnsupportedAddress(std::string_view type);
Condition GatewayInvalidParameters(std::string_view why);
Condition GatewayProgrammed();
Condition GatewayNotProgrammed(std::string_view why);  // reason Invalid
Condition GatewayAddressNotUsable(std::string_view why);
Condition GatewayAddressNotAssigned(std::string_view why);

// Listener.
Condition ListenerAccepted();
Condition ListenerUnsupportedProtocol(std::string_view protocol);
Condition ListenerUnsupportedValue(std::string_view what);
Condition ListenerNotAcceptedBy(const Condition& conflict);
Condition ListenerNoConflicts();
Condition ListenerProtocolConflict(int port);
Condition ListenerHostnameConflict(std::string_view hostname);
Condition ListenerResolvedRefs();
Condition ListenerInvalidCertificateRef(std::string_view why);
Condition ListenerRefNotPermitted(std::string_view what);
Condition ListenerInvalidRouteKinds(std::string_view kinds);
Condition ListenerProgrammed();
Condition ListenerInvalid(std::string_view why);
Condition ListenerNotProgrammedBy(const Condition& conflict);
Condition ListenerPending(std::string_view why);
Condition ListenerBeyondLimits();

// ListenerSet.
Condition ListenerSetAccepted();
Condition ListenerSetNotAllowed();
Condition ListenerSetParentNotAccepted();
Condition ListenerSetListenersNotValid(bool some_valid, std::string_view which);
Condition ListenerSetProgrammed();
Condition ListenerSetNotProgrammedBy(const Condition& accepted);
Condition ListenerSetParentNotProgrammed(std::string_view why);

// Route, towards one parent.
Condition RouteAccepted();
Condition RouteGatewayNotAccepted(std::string_view why);
Condition RouteNoMatchingParent(std::string_view why);
Condition RouteNotAllowedByListeners(std::string_view why);
Condition RouteNoMatchingListenerHostname();
Condition RouteUnsupportedValue(std::string_view why);
Condition RouteBeyondLimits();
Condition RoutePartiallyInvalid(std::string_view which);
Condition RouteResolvedRefs();
Condition RouteInvalidKind(std::string_view what);
Condition RouteBackendNotFound(std::string_view what);
Condition RouteRefNotPermitted(std::string_view what);
Condition RouteUnsupportedProtocol(std::string_view why);

// BackendTLSPolicy, towards one ancestor.
Condition PolicyNotSupported();

}  // namespace sluice::compile
