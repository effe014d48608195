// Schemas of GatewayClass, Gateway, ListenerSet, ReferenceGrant and BackendTLSPolicy (Gateway API
// v1.6, standard channel). What a schema is: schema_meta.h.
#pragma once

#include <algorithm>
#include <set>
#include <tuple>

#include "gateway-api/backend_tls_policy.h"
#include "gateway-api/gateway.h"
#include "gateway-api/gateway_class.h"
#include "gateway-api/reference_grant.h"
#include "gateway-api/schema_meta.h"

namespace sluice::gateway_api {

// True if two items give the same `key(item)`.
template <class T, class Key>
bool HasTwice(const std::vector<T>& items, Key key) {
  std::set<decltype(key(items.front()))> seen;
  return !std::ranges::all_of(items, [&](const T& item) { return seen.insert(key(item)).second; });
}

template <class V>
void Describe(V& v, GatewayClass& gateway_class) {
  v.Required("metadata", gateway_class.meta);
  v.Inside("spec", [&](auto& spec) {
    spec.Required("controllerName", gateway_class.controller_name,
                  Text{1, 253, IsControllerName, "a DNS name, '/' and a path"});
    spec.Optional("parametersRef", gateway_class.parameters_ref);
    spec.Optional("description", gateway_class.description, Text{0, 64, nullptr, ""});
  });
  v.Rule(v.Has("spec"), "spec", "is required");
  v.Ignored({"status"});
}

// The values of `from` differ by place: `allowed` are those of this one.
template <class V>
void DescribeNamespaces(V& v, std::string_view key, NamespaceFilter& filter,
                        std::initializer_list<FromNamespaces> allowed) {
  v.Inside(key, [&](auto& namespaces) {
    namespaces.Defaulted("from", filter.from);
    namespaces.Optional("selector", filter.selector);
    namespaces.Rule(std::ranges::find(allowed, filter.from) != allowed.end(), "from",
                    "this value is not allowed here");
    namespaces.Rule(filter.from != FromNamespaces::kSelector || namespaces.Has("selector"),
                    "selector", "is required with from: Selector");
  });
}

template <class V>
void Describe(V& v, RouteGroupKind& kind) {
  v.Defaulted("group", kind.group, kGroup);
  v.Required("kind", kind.kind, kKind);
}

template <class V>
void Describe(V& v, AllowedRoutes& allowed) {
  DescribeNamespaces(v, "namespaces", allowed.namespaces,
                     {FromNamespaces::kAll, FromNamespaces::kSelector, FromNamespaces::kSame});
  v.Optional("kinds", allowed.kinds, Count{0, 8});
}

template <class V>
void Describe(V& v, ListenerTls& tls) {
  v.Defaulted("mode", tls.mode);
  v.Optional("certificateRefs", tls.certificate_refs, Count{0, 64});
  v.Optional("options", tls.options, Count{0, 16}, Text{0, 4096, nullptr, ""});
  v.Rule(tls.mode != TlsMode::kTerminate || !tls.certificate_refs.empty() || !tls.options.empty(),
         "certificateRefs", "certificateRefs or options are required with mode Terminate");
}

template <class V>
void Describe(V& v, Listener& listener) {
  v.Required("name", listener.name, kSectionName);
  v.Optional("hostname", listener.hostname, kHostname);
  v.Required("port", listener.port, kPort);
  v.Required("protocol", listener.protocol,
             Text{1, 255, IsProtocol, "HTTP, HTTPS, TLS, TCP, UDP or a DNS name, '/' and a name"});
  v.Optional("tls", listener.tls);
  v.Optional("allowedRoutes", listener.allowed_routes);

  const std::string& protocol = listener.protocol;
  bool stream = protocol == "TCP" || protocol == "UDP";
  v.Rule(!listener.tls.has_value() || (protocol != "HTTP" && !stream), "tls",
         "must not be given for the protocols HTTP, TCP and UDP");
  v.Rule(protocol != "HTTPS" || !listener.tls || listener.tls->mode == TlsMode::kTerminate, "tls",
         "the mode must be Terminate for the protocol HTTPS");
  v.Rule(protocol != "TLS" || listener.tls.has_value(), "tls", "is required for the protocol TLS");
  v.Rule(!stream || listener.hostname.empty(), "hostname",
         "must not be given for the protocols TCP and UDP");
}

template <class V>
void DescribeListeners(V& v, std::vector<Listener>& listeners) {
  v.Required("listeners", listeners, Count{1, 64}, UniqueBy<Listener>{&Listener::name, "name"});
  v.Rule(!HasTwice(listeners,
                   [](const Listener& l) { return std::tie(l.port, l.protocol, l.hostname); }),
         "listeners", "two listeners have the same port, protocol and hostname");
}

template <class V>
void Describe(V& v, GatewayAddress& address) {
  v.Defaulted("type", address.type, Text{1, 253, nullptr, ""});
  v.Optional("value", address.value, Text{0, 253, nullptr, ""});
  v.Rule(address.type != "Hostname" || address.value.empty() || IsHostname(address.value), "value",
         "is no hostname");
  v.Rule(address.type != "IPAddress" || address.value.empty() || IsIpAddress(address.value),
         "value", "is no IP address");
}

template <class V>
void Describe(V& v, Infrastructure& infrastructure) {
  v.Optional("labels", infrastructure.labels, Count{0, 8}, kLabelValue);
  v.Optional("annotations", infrastructure.annotations, Count{0, 16}, Text{0, 4096, nullptr, ""});
  v.Optional("parametersRef", infrastructure.parameters_ref);
}

template <class V>
void Describe(V& v, FrontendValidation& validation) {
  v.Required("caCertificateRefs", validation.ca_certificate_refs, Count{1, 16});
  v.Defaulted("mode", validation.mode);
}

template <class V>
void Describe(V& v, FrontendTlsPort& port) {
  v.Required("port", port.port, kPort);
  v.Inside("tls", [&](auto& tls) { tls.Optional("validation", port.validation); });
  v.Rule(v.Has("tls"), "tls", "is required");
}

template <class V>
void Describe(V& v, GatewayTls& tls) {
  v.Inside("backend", [&](auto& backend) {
    backend.Optional("clientCertificateRef", tls.backend_client_certificate_ref);
  });
  v.Inside("frontend", [&](auto& frontend) {
    frontend.Inside("default",
                    [&](auto& fallback) { fallback.Optional("validation", tls.frontend_default); });
    frontend.Optional("perPort", tls.frontend_per_port, Count{0, 64});
    frontend.Rule(
        !HasTwice(tls.frontend_per_port, [](const FrontendTlsPort& p) { return std::tie(p.port); }),
        "perPort", "two items have the same port");
  });
}

template <class V>
void Describe(V& v, Gateway& gateway) {
  v.Required("metadata", gateway.meta);
  v.Inside("spec", [&](auto& spec) {
    spec.Required("gatewayClassName", gateway.gateway_class_name, kObjectName);
    DescribeListeners(spec, gateway.listeners);
    spec.Optional("addresses", gateway.addresses, Count{0, 16});
    auto given = gateway.addresses;
    std::erase_if(given, [](const GatewayAddress& a) { return a.value.empty(); });
    spec.Rule(!HasTwice(given, [](const GatewayAddress& a) { return std::tie(a.type, a.value); }),
              "addresses", "two addresses are the same");
    spec.Optional("infrastructure", gateway.infrastructure);
    spec.Inside("allowedListeners", [&](auto& allowed) {
      DescribeNamespaces(allowed, "namespaces", gateway.allowed_listeners,
                         {FromNamespaces::kAll, FromNamespaces::kSelector, FromNamespaces::kSame,
                          FromNamespaces::kNone});
    });
    spec.Optional("tls", gateway.tls);
    spec.Unsupported({"defaultScope"});
  });
  v.Rule(v.Has("spec"), "spec", "is required");
  v.Ignored({"status"});
}

template <class V>
void Describe(V& v, ListenerSet& set) {
  v.Required("metadata", set.meta);
  v.Inside("spec", [&](auto& spec) {
    spec.Required("parentRef", set.parent_ref);
    DescribeListeners(spec, set.listeners);
  });
  v.Rule(v.Has("spec"), "spec", "is required");
  v.Ignored({"status"});
}

template <class V>
void Describe(V& v, ReferenceGrant::From& from) {
  v.Required("group", from.group, kGroup);
  v.Required("kind", from.kind, kKind);
  v.Required("namespace", from.namespace_, kNamespace);
}

template <class V>
void Describe(V& v, ReferenceGrant::To& to) {
  v.Required("group", to.group, kGroup);
  v.Required("kind", to.kind, kKind);
  v.Optional("name", to.name, kObjectName);
}

template <class V>
void Describe(V& v, ReferenceGrant& grant) {
  v.Required("metadata", grant.meta);
  v.Inside("spec", [&](auto& spec) {
    spec.Required("from", grant.from, Count{1, 16});
    spec.Required("to", grant.to, Count{1, 16});
  });
  v.Rule(v.Has("spec"), "spec", "is required");
}

template <class V>
void Describe(V& v, BackendTlsPolicy::Target& target) {
  Describe(v, target.object);
  v.Optional("sectionName", target.section_name, kSectionName);
}

template <class V>
void Describe(V& v, BackendTlsPolicy::SubjectAltName& name) {
  using Type = BackendTlsPolicy::SubjectAltName::Type;
  v.Required("type", name.type);
  v.Optional("hostname", name.hostname, kHostname);
  v.Optional("uri", name.uri, Text{1, 253, nullptr, ""});
  v.Rule(name.hostname.empty() != (name.type == Type::kHostname), "hostname",
         "must be given with type Hostname, and only with it");
  v.Rule(name.uri.empty() != (name.type == Type::kUri), "uri",
         "must be given with type URI, and only with it");
}

template <class V>
void Describe(V& v, BackendTlsPolicy::Validation& validation) {
  v.Optional("caCertificateRefs", validation.ca_certificate_refs, Count{0, 8});
  v.Optional("wellKnownCACertificates", validation.well_known_ca_certificates);
  v.Required("hostname", validation.hostname, kPreciseHostname);
  v.Optional("subjectAltNames", validation.subject_alt_names, Count{0, 5});
  v.Rule(validation.ca_certificate_refs.empty() != validation.well_known_ca_certificates.empty(),
         "caCertificateRefs", "exactly one of caCertificateRefs and wellKnownCACertificates");
}

template <class V>
void Describe(V& v, BackendTlsPolicy& policy) {
  v.Required("metadata", policy.meta);
  v.Inside("spec", [&](auto& spec) {
    spec.Required("targetRefs", policy.target_refs, Count{1, 16});
    spec.Rule(!HasTwice(policy.target_refs,
                        [](const BackendTlsPolicy::Target& t) {
                          return std::tie(t.object.group, t.object.kind, t.object.name,
                                          t.section_name);
                        }),
              "targetRefs", "two items refer to the same target");
    spec.Required("validation", policy.validation);
    spec.Optional("options", policy.options, Count{0, 16}, Text{0, 4096, nullptr, ""});
  });
  v.Rule(v.Has("spec"), "spec", "is required");
  v.Ignored({"status"});
}

}  // namespace sluice::gateway_api
