// The core kinds that routes lead to: Service (v1), EndpointSlice (discovery.k8s.io/v1) and
// Namespace (v1). Only what a gateway reads of them. Plain values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gateway-api/metadata.h"

namespace sluice::gateway_api {

enum class IpFamily { kIPv4, kIPv6 };

struct ServicePort {
  std::string name;  // "" allowed for a single port
  std::string protocol = "TCP";
  int port = 0;
  std::string target_port;  // a number or a name, as text; "": the same as port
  std::string app_protocol;

  bool operator==(const ServicePort&) const = default;
};

struct Service {
  static constexpr char kKind[] = "Service";
  enum class Type { kClusterIP, kNodePort, kLoadBalancer, kExternalName };

  ObjectMeta meta;
  Type type = Type::kClusterIP;
  std::string cluster_ip;  // "None": headless
  std::vector<IpFamily> ip_families;
  StringMap selector;
  std::vector<ServicePort> ports;

  bool operator==(const Service&) const = default;
};

struct EndpointSlice {
  static constexpr char kKind[] = "EndpointSlice";
  static constexpr char kServiceNameLabel[] = "kubernetes.io/service-name";
  enum class AddressType { kIPv4, kIPv6, kFqdn };
  // Unset conditions have the meaning that the API gives them: ready = unset or true.
  struct Endpoint {
    std::vector<std::string> addresses;  // only the first counts (KEP-752)
    std::optional<bool> ready;
    std::optional<bool> serving;
    std::optional<bool> terminating;
    std::string node_name;
    std::string zone;

    bool operator==(const Endpoint&) const = default;
  };
  struct Port {
    std::string name;
    std::string protocol = "TCP";
    int port = 0;  // 0: not given, which means every port
    std::string app_protocol;

    bool operator==(const Port&) const = default;
  };

  ObjectMeta meta;
  AddressType address_type = AddressType::kIPv4;
  std::vector<Endpoint> endpoints;
  std::vector<Port> ports;

  bool operator==(const EndpointSlice&) const = default;
};

struct Namespace {
  static constexpr char kKind[] = "Namespace";

  ObjectMeta meta;

  bool operator==(const Namespace&) const = default;
};

}  // namespace sluice::gateway_api
