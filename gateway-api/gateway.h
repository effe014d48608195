// Gateway and ListenerSet (gateway.networking.k8s.io/v1): addresses and listeners.
// Plain values with the defaults of the API applied: allowedRoutes from Same, TLS mode Terminate,
// address type IPAddress.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gateway-api/label_selector.h"
#include "gateway-api/metadata.h"
#include "gateway-api/reference.h"

namespace sluice::gateway_api {

enum class FromNamespaces { kAll, kSelector, kSame, kNone };

struct NamespaceFilter {
  FromNamespaces from = FromNamespaces::kSame;
  LabelSelector selector;  // with kSelector only

  bool operator==(const NamespaceFilter&) const = default;
};

struct RouteGroupKind {
  std::string group = kGatewayGroup;
  std::string kind;

  bool operator==(const RouteGroupKind&) const = default;
};

struct AllowedRoutes {
  NamespaceFilter namespaces;
  std::vector<RouteGroupKind> kinds;  // empty: all that the protocol supports

  bool operator==(const AllowedRoutes&) const = default;
};

enum class TlsMode { kTerminate, kPassthrough };

struct ListenerTls {
  TlsMode mode = TlsMode::kTerminate;
  std::vector<SecretObjectReference> certificate_refs;
  StringMap options;

  bool operator==(const ListenerTls&) const = default;
};

// Both Gateway listeners and ListenerSet entries.
struct Listener {
  std::string name;
  std::string hostname;  // "": all
  int port = 0;
  std::string protocol;  // "HTTP", "HTTPS", "TLS", "TCP", "UDP" or "domain/name"
  std::optional<ListenerTls> tls;
  AllowedRoutes allowed_routes;

  bool operator==(const Listener&) const = default;
};

struct GatewayAddress {
  std::string type = "IPAddress";
  std::string value;  // "": to be assigned

  bool operator==(const GatewayAddress&) const = default;
};

struct Infrastructure {
  StringMap labels;
  StringMap annotations;
  std::optional<LocalObjectReference> parameters_ref;

  bool operator==(const Infrastructure&) const = default;
};

enum class FrontendValidationMode { kAllowValidOnly, kAllowInsecureFallback };

// Client certificates: which CAs a downstream's certificate must come from.
struct FrontendValidation {
  std::vector<ObjectReference> ca_certificate_refs;
  FrontendValidationMode mode = FrontendValidationMode::kAllowValidOnly;

  bool operator==(const FrontendValidation&) const = default;
};

struct FrontendTlsPort {
  int port = 0;
  std::optional<FrontendValidation> validation;

  bool operator==(const FrontendTlsPort&) const = default;
};

struct GatewayTls {
  std::optional<SecretObjectReference> backend_client_certificate_ref;
  std::optional<FrontendValidation> frontend_default;
  std::vector<FrontendTlsPort> frontend_per_port;

  bool operator==(const GatewayTls&) const = default;
};

struct Gateway {
  static constexpr char kKind[] = "Gateway";

  ObjectMeta meta;
  std::string gateway_class_name;
  std::vector<Listener> listeners;
  std::vector<GatewayAddress> addresses;
  std::optional<Infrastructure> infrastructure;
  NamespaceFilter allowed_listeners = {.from = FromNamespaces::kNone, .selector = {}};
  std::optional<GatewayTls> tls;

  bool operator==(const Gateway&) const = default;
};

struct ListenerSet {
  static constexpr char kKind[] = "ListenerSet";

  ObjectMeta meta;
  ParentReference parent_ref;  // no section name, no port
  std::vector<Listener> listeners;

  bool operator==(const ListenerSet&) const = default;
};

}  // namespace sluice::gateway_api
