#include "control/compile/endpoints.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "gateway-api/address_range.h"

namespace sluice::compile {
namespace {

using gateway_api::EndpointSlice;
using gateway_api::Service;
using gateway_api::ServicePort;

using Places = std::set<std::pair<std::string, uint32_t>>;

// The endpoints of one address family.
struct Family {
  Places ready;
  Places terminating;

  const Places& Best() const { return ready.empty() ? terminating : ready; }
};

// A slice's port belongs to the Service's port of the same name. A slice without a port number
// stands for every port.
std::optional<uint32_t> PortOf(const EndpointSlice& slice, const ServicePort& port) {
  for (const EndpointSlice::Port& candidate : slice.ports) {
    if (candidate.name != port.name || candidate.protocol != port.protocol) continue;
    if (candidate.port != 0) return candidate.port;
    int target = port.port;
    if (!port.target_port.empty() && !absl::SimpleAtoi(port.target_port, &target)) continue;
    if (target >= 1 && target <= 65535) return target;
  }
  return std::nullopt;
}

void Add(const EndpointSlice::Endpoint& endpoint, uint32_t port, Family& family) {
  auto address = gateway_api::ParseIpAddress(endpoint.addresses.front());
  if (!address) return;
  bool terminating = endpoint.terminating.value_or(false);
  bool ready = endpoint.ready.value_or(true);
  bool serving = endpoint.serving.value_or(ready);
  if (ready && !terminating) {
    family.ready.emplace(ToString(*address), port);
  } else if (serving && terminating) {
    family.terminating.emplace(ToString(*address), port);
  }
}

}  // namespace

snapshot::EndpointSet CompileEndpoints(const Service& service, const ServicePort& port,
                                       const std::vector<const EndpointSlice*>& slices) {
  Family v4, v6;
  for (const EndpointSlice* slice : slices) {
    if (slice->address_type == EndpointSlice::AddressType::kFqdn) continue;
    std::optional<uint32_t> number = PortOf(*slice, port);
    if (!number) continue;
    Family& family = slice->address_type == EndpointSlice::AddressType::kIPv4 ? v4 : v6;
    for (const EndpointSlice::Endpoint& endpoint : slice->endpoints) Add(endpoint, *number, family);
  }
  bool v6_first =
      !service.ip_families.empty() && service.ip_families.front() == gateway_api::IpFamily::kIPv6;
  const Places& first = v6_first ? v6.Best() : v4.Best();
  const Places& second = v6_first ? v4.Best() : v6.Best();

  snapshot::EndpointSet set;
  for (const auto& [address, number] : first.empty() ? second : first) {
    snapshot::Endpoint* endpoint = set.add_endpoints();
    endpoint->set_address(address);
    endpoint->set_port(number);
  }
  return set;
}

}  // namespace sluice::compile
