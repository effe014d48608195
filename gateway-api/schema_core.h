// Schemas of the core kinds, of which only what a gateway needs is read, and of our own:
// AddressPool and GatewayParameters. What a schema is: schema_meta.h.
#pragma once

#include <algorithm>

#include "gateway-api/address_pool.h"
#include "gateway-api/address_range.h"
#include "gateway-api/gateway_parameters.h"
#include "gateway-api/schema_gateway.h"
#include "gateway-api/secret.h"
#include "gateway-api/service.h"

namespace sluice::gateway_api {

inline constexpr OneOf kTransport{{"TCP", "UDP", "SCTP"}};

template <class V>
void Describe(V& v, ServicePort& port) {
  v.Optional("name", port.name, Text{0, 63, nullptr, ""});
  v.Defaulted("protocol", port.protocol, kTransport);
  v.Required("port", port.port, kPort);
  v.Scalar("targetPort", port.target_port);
  v.Optional("appProtocol", port.app_protocol);
  v.Ignored({"nodePort"});
}

template <class V>
void Describe(V& v, Service& service) {
  v.Required("metadata", service.meta);
  v.Inside("spec", [&](auto& spec) {
    spec.Defaulted("type", service.type);
    spec.Optional("clusterIP", service.cluster_ip);
    spec.Optional("ipFamilies", service.ip_families);
    spec.Optional("selector", service.selector);
    spec.Optional("ports", service.ports);
    spec.Ignored({"allocateLoadBalancerNodePorts", "clusterIPs", "externalIPs", "externalName",
                  "externalTrafficPolicy", "healthCheckNodePort", "internalTrafficPolicy",
                  "ipFamilyPolicy", "loadBalancerClass", "loadBalancerIP",
                  "loadBalancerSourceRanges", "publishNotReadyAddresses", "sessionAffinity",
                  "sessionAffinityConfig", "trafficDistribution"});
  });
  v.Rule(service.ports.size() <= 1 ||
             !HasTwice(service.ports, [](const ServicePort& p) { return std::tie(p.name); }),
         "spec", "two ports have the same name, or none");
  v.Ignored({"status"});
}

template <class V>
void Describe(V& v, EndpointSlice::Endpoint& endpoint) {
  v.Required("addresses", endpoint.addresses, Count{1, 100});
  v.Inside("conditions", [&](auto& conditions) {
    conditions.Optional("ready", endpoint.ready);
    conditions.Optional("serving", endpoint.serving);
    conditions.Optional("terminating", endpoint.terminating);
  });
  v.Optional("nodeName", endpoint.node_name);
  v.Optional("zone", endpoint.zone);
  v.Ignored({"hostname", "targetRef", "deprecatedTopology", "hints"});
}

template <class V>
void Describe(V& v, EndpointSlice::Port& port) {
  v.Optional("name", port.name, Text{0, 63, nullptr, ""});
  v.Defaulted("protocol", port.protocol, kTransport);
  v.Optional("port", port.port, kPort);
  v.Optional("appProtocol", port.app_protocol);
}

template <class V>
void Describe(V& v, EndpointSlice& slice) {
  v.Required("metadata", slice.meta);
  v.Required("addressType", slice.address_type);
  v.Optional("endpoints", slice.endpoints, Count{0, 1000});
  v.Optional("ports", slice.ports, Count{0, 100});
  bool fqdn = slice.address_type == EndpointSlice::AddressType::kFqdn;
  v.Rule(fqdn || std::ranges::all_of(slice.endpoints,
                                     [](const EndpointSlice::Endpoint& e) {
                                       return std::ranges::all_of(e.addresses, IsIpAddress);
                                     }),
         "endpoints", "an address is no IP address");
}

template <class V>
void Describe(V& v, Namespace& ns) {
  v.Required("metadata", ns.meta);
  v.Ignored({"spec", "status"});
}

template <class V>
void Describe(V& v, Secret& secret) {
  v.Required("metadata", secret.meta);
  v.Defaulted("type", secret.type);
  v.Base64("data", secret.data);
  v.Plain("stringData", secret.data);
  v.Ignored({"immutable"});
}

template <class V>
void Describe(V& v, ConfigMap& map) {
  v.Required("metadata", map.meta);
  v.Optional("data", map.data);
  v.Base64("binaryData", map.data);
  v.Ignored({"immutable"});
}

template <class V>
void Describe(V& v, AddressPool::Allocation& allocation) {
  v.Required("address", allocation.address, Text{1, 64, IsIpAddress, "an IP address"});
  v.Required("gateway", allocation.gateway, Text{1, 320, nullptr, ""});
}

template <class V>
void Describe(V& v, AddressPool& pool) {
  v.Required("metadata", pool.meta);
  v.Inside("spec", [&](auto& spec) {
    spec.Required(
        "ranges", pool.ranges, Count{1, 256},
        Text{1, 128, IsUnicastRange, "a, a-b with a <= b, or a/length, of unicast addresses"});
    spec.Optional("interfaces", pool.interfaces, Count{0, 64}, Text{1, 64, nullptr, ""});
    spec.Optional("nodeSelector", pool.node_selector);
    DescribeNamespaces(spec, "namespaces", pool.namespaces,
                       {FromNamespaces::kAll, FromNamespaces::kSelector});
    spec.Defaulted("announce", pool.announce);
  });
  v.Rule(v.Has("spec"), "spec", "is required");
  v.Inside("status", [&](auto& status) {
    status.Optional("allocations", pool.allocations);
    status.Ignored({"conditions"});
  });
}

template <class V>
void Describe(V& v, GatewayParameters& parameters) {
  v.Required("metadata", parameters.meta);
  v.Inside("spec", [&](auto& spec) {
    spec.Inside("accessLog",
                [&](auto& log) { log.Optional("format", parameters.access_log_format); });
    spec.Optional("trustedProxies", parameters.trusted_proxies, Count{0, 256},
                  Text{1, 64, IsCidr, "a CIDR such as 10.0.0.0/8"});
    spec.Inside("limits", [&](auto& limits) {
      limits.Optional("maxConnections", parameters.max_connections, Range{1, 10'000'000});
    });
    spec.Inside("timeouts", [&](auto& timeouts) {
      timeouts.Optional("header", parameters.header_timeout);
      timeouts.Optional("idle", parameters.idle_timeout);
      timeouts.Optional("connect", parameters.connect_timeout);
    });
    for (const auto& timeout :
         {parameters.header_timeout, parameters.idle_timeout, parameters.connect_timeout}) {
      spec.Rule(!timeout || (*timeout >= absl::Milliseconds(1) && *timeout <= absl::Hours(24)),
                "timeouts", "a timeout must be between 1ms and 24h");
    }
  });
  v.Rule(v.Has("spec"), "spec", "is required");
  v.Ignored({"status"});
}

}  // namespace sluice::gateway_api
