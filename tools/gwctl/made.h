// Questions to a View about what Sluice makes of objects. Pure.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "control/view/view.h"

namespace sluice::gwctl {

// The endpoints of one Service's port.
struct ServiceEndpoints {
  snapshot::EndpointSet set;  // those that get traffic
  size_t all = 0;             // addresses in EndpointSlices, ready or not
};

// Of every port of every Service, whether a route uses it or not, by "service:port".
using EndpointMap = std::map<gateway_api::NamespacedName, ServiceEndpoints>;
EndpointMap AllEndpoints(const view::View& view);

// A listener's part; empty if there is none.
compile::ListenerStatus StatusOf(const compile::GatewayStatus& status, std::string_view listener);

bool InPool(const gateway_api::AddressPool& pool, const std::string& address);
// The first pool, by name, that holds the address; "" if none does.
std::string PoolOf(const view::View& view, const std::string& address);

// Whether this node answers for a VIP: "True", "False"; "Unknown" from a folder.
std::string OwnedText(const view::View& view, const std::string& address);

// Null: there is none.
const view::CertificateFacts* FindCertificate(const view::View& view,
                                              const gateway_api::NamespacedName& secret);
const view::CertificateFacts* FindCertificateById(const view::View& view, std::string_view id);
const snapshot::EndpointSet* FindEndpoints(const snapshot::Snapshot& snapshot,
                                           std::string_view cluster_id);

}  // namespace sluice::gwctl
