// Random clusters for the property tests of compile, and what these compare.
#pragma once

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "control/compile/compile.h"
#include "dataplane/snapshot/text.h"

namespace sluice::compile::testing {

using namespace gateway_api;  // NOLINT: the types of every line below

inline CompileOptions FakeCertificates() {
  CompileOptions options;
  options.check_certificate = [](const Secret& secret) -> CertificateView {
    return {.id = ToString(secret.meta.key()) + "@1", .problem = absl::OkStatus()};
  };
  return options;
}

inline std::string Print(const Compiled& compiled) {
  std::string text = absl::StrCat(snapshot::ToText(compiled.snapshot), ToYaml(compiled.statuses));
  for (const auto& [address, gateway] : compiled.allocations) {
    absl::StrAppend(&text, address, " ", ToString(gateway), "\n");
  }
  for (const Problem& warning : compiled.warnings) absl::StrAppend(&text, ToString(warning), "\n");
  return text;
}

inline ObjectSet SetOf(const std::vector<Object>& objects) {
  ObjectSet set;
  for (const Object& object : objects) set.Put(object);
  return set;
}

inline std::vector<Object> ObjectsOf(const ObjectSet& set) {
  std::vector<Object> objects;
  set.ForEach([&](const auto& object) { objects.emplace_back(object); });
  return objects;
}

// A cluster of random objects whose names, references and ages collide often.
class RandomCluster {
 public:
  explicit RandomCluster(uint32_t seed) : random_(seed) {}

  std::vector<Object> Make() {
    std::vector<Object> objects;
    objects.push_back(MakeClass());
    objects.push_back(MakePool());
    for (int i = 0; i < 4; ++i) objects.push_back(MakeGateway(i));
    for (int i = 0; i < 12; ++i) objects.push_back(MakeRoute(i));
    for (int i = 0; i < 6; ++i) objects.push_back(MakeService(i));
    for (int i = 0; i < 8; ++i) objects.push_back(MakeSlice(i));
    for (int i = 0; i < 4; ++i) objects.push_back(MakeGrant(i));
    for (int i = 0; i < 3; ++i) objects.push_back(MakeSecret(i));
    for (int i = 0; i < 6; ++i) objects.push_back(MakeGrpcRoute(i));
    for (int i = 0; i < 5; ++i) objects.push_back(MakeListenerSet(i));
    objects.push_back(MakeTcpRoute(0));
    return objects;
  }
  // The least that serves routes of all namespaces: the Gateway a/frame.
  std::vector<Object> MakeFrame() {
    AddressPool pool;
    pool.meta = Meta("pool", "");
    pool.ranges = {"192.0.2.1"};
    Gateway gateway;
    gateway.meta = Meta("frame", "a");
    gateway.gateway_class_name = "sluice";
    gateway.listeners.push_back({.name = "http", .port = 80, .protocol = "HTTP"});
    gateway.listeners[0].allowed_routes.namespaces.from = FromNamespaces::kAll;
    return {MakeClass(), pool, gateway};
  }
  // One that Make could have made, or a kind that it leaves out.
  Object MakeAny() {
    switch (Pick(14)) {
      case 0:
        return MakePool();
      case 1:
        return MakeGateway(Pick(3));
      case 2:
      case 3:
      case 4:
        return MakeRoute(Pick(5));
      case 5:
      case 6:
        return MakeGrpcRoute(Pick(4));
      case 7:
        return MakeService(Pick(3));
      case 8:
        return MakeSlice(Pick(8));
      case 9:
        return MakeGrant(Pick(4));
      case 10:
        return MakeListenerSet(Pick(4));
      case 11:
        return MakeNamespace();
      case 12:
        return MakePolicy();
      default:
        return MakeTcpRoute(Pick(2));
    }
  }

 private:
  int Pick(int count) { return static_cast<int>(random_() % count); }
  template <typename T>
  T OneOf(std::vector<T> values) {
    return values[Pick(static_cast<int>(values.size()))];
  }
  std::string Namespace() { return OneOf<std::string>({"a", "b", "c"}); }
  std::string Hostname() {
    return OneOf<std::string>({"", "x.example", "*.example", "y.x.example", "*.x.example"});
  }
  ObjectMeta Meta(std::string name, std::string ns) {
    ObjectMeta meta;
    meta.name = std::move(name);
    meta.namespace_ = std::move(ns);
    meta.generation = Pick(3);
    meta.creation_time = absl::FromUnixSeconds(Pick(3));
    return meta;
  }

  GatewayClass MakeClass() {
    GatewayClass object;
    object.meta = Meta("sluice", "");
    object.controller_name = kControllerName;
    return object;
  }
  AddressPool MakePool() {
    AddressPool pool;
    pool.meta = Meta("pool", "");
    pool.ranges = {OneOf<std::string>({"192.0.2.0/29", "192.0.2.1", "2001:db8::/126"})};
    return pool;
  }
  Gateway MakeGateway(int index) {
    Gateway gateway;
    gateway.meta = Meta(absl::StrCat("g", index % 3), Namespace());
    gateway.gateway_class_name = Pick(8) == 0 ? "other" : "sluice";
    if (Pick(2) == 0) gateway.addresses.push_back({.value = absl::StrCat("192.0.2.", Pick(4))});
    for (int i = 0; i < 3; ++i) gateway.listeners.push_back(MakeListener(i));
    gateway.allowed_listeners.from =
        OneOf<FromNamespaces>({FromNamespaces::kAll, FromNamespaces::kSame, FromNamespaces::kNone});
    return gateway;
  }
  ListenerSet MakeListenerSet(int index) {
    ListenerSet set;
    set.meta = Meta(absl::StrCat("ls", index % 4), Namespace());
    set.parent_ref = {.namespace_ = Namespace(), .name = absl::StrCat("g", Pick(3))};
    for (int i = 0; i < 2; ++i) set.listeners.push_back(MakeListener(i));
    return set;
  }
  Listener MakeListener(int index) {
    Listener listener;
    listener.name = absl::StrCat("l", index);
    listener.port = 80 + Pick(3);
    listener.hostname = Hostname();
    listener.protocol = OneOf<std::string>({"HTTP", "HTTP", "HTTPS", "TCP"});
    if (listener.protocol == "HTTPS") {
      listener.tls.emplace().certificate_refs.push_back(
          {.namespace_ = Pick(2) == 0 ? "" : Namespace(), .name = absl::StrCat("s", Pick(4))});
    }
    listener.allowed_routes.namespaces.from = OneOf<FromNamespaces>(
        {FromNamespaces::kAll, FromNamespaces::kSame, FromNamespaces::kSelector});
    listener.allowed_routes.namespaces.selector.match_labels["team"] = "x";
    return listener;
  }
  HttpRoute MakeRoute(int index) {
    HttpRoute route;
    route.meta = Meta(absl::StrCat("r", index % 5), Namespace());
    AddParents(route.parent_refs);
    if (std::string hostname = Hostname(); !hostname.empty()) route.hostnames.push_back(hostname);
    for (int i = 0; i < 2; ++i) route.rules.push_back(MakeRule());
    return route;
  }
  GrpcRoute MakeGrpcRoute(int index) {
    GrpcRoute route;
    route.meta = Meta(absl::StrCat("r", index % 4), Namespace());
    AddParents(route.parent_refs);
    if (std::string hostname = Hostname(); !hostname.empty()) route.hostnames.push_back(hostname);
    for (int i = Pick(3); i > 0; --i) {
      GrpcRouteRule& rule = route.rules.emplace_back();
      if (Pick(2) == 0) {
        rule.matches.emplace_back().method = GrpcMethodMatch{
            .type = OneOf<MatchType>({MatchType::kExact, MatchType::kRegularExpression}),
            .service = OneOf<std::string>({"", "a.B", "a"}),
            .method = OneOf<std::string>({"Get", "G"})};
      }
      AddBackends(rule.backend_refs);
    }
    return route;
  }
  TcpRoute MakeTcpRoute(int index) {
    TcpRoute route;
    route.meta = Meta(absl::StrCat("r", index), Namespace());
    AddParents(route.parent_refs);
    return route;
  }
  void AddParents(std::vector<ParentReference>& parents) {
    for (int i = 0; i < 2; ++i) {
      const bool set = Pick(3) == 0;
      parents.push_back({.kind = set ? "ListenerSet" : "Gateway",
                         .namespace_ = Namespace(),
                         .name = set ? absl::StrCat("ls", Pick(4)) : absl::StrCat("g", Pick(3)),
                         .section_name = Pick(3) == 0 ? "l1" : ""});
    }
  }
  void AddBackends(std::vector<HttpBackendRef>& refs) {
    for (int i = 0; i < 2; ++i) {
      refs.emplace_back().backend.object = {.namespace_ = Pick(2) == 0 ? "" : Namespace(),
                                            .name = absl::StrCat("s", Pick(4)),
                                            .port = 80 + Pick(2)};
    }
  }
  gateway_api::Namespace MakeNamespace() {
    gateway_api::Namespace object;
    object.meta = Meta(Namespace(), "");
    if (Pick(2) == 0) object.meta.labels["team"] = "x";
    return object;
  }
  BackendTlsPolicy MakePolicy() {
    BackendTlsPolicy policy;
    policy.meta = Meta(absl::StrCat("p", Pick(2)), Namespace());
    LocalObjectReference target{.group = "", .kind = "Service", .name = absl::StrCat("s", Pick(3))};
    policy.target_refs.push_back({target, Pick(2) == 0 ? "" : "a"});
    return policy;
  }
  HttpRouteRule MakeRule() {
    HttpRouteRule rule;
    for (int i = 0; i < 2; ++i) {
      HttpRouteMatch& match = rule.matches.emplace_back();
      match.path.type =
          OneOf<PathMatch::Type>({PathMatch::Type::kExact, PathMatch::Type::kPathPrefix,
                                  PathMatch::Type::kRegularExpression});
      match.path.value = OneOf<std::string>({"/", "/a", "/a/", "/a/b"});
      if (match.path.type == PathMatch::Type::kRegularExpression && Pick(3) == 0) {
        match.path.value = "/(";
      }
      match.method = OneOf<std::string>({"", "GET"});
    }
    AddBackends(rule.backend_refs);
    if (Pick(6) == 0) {
      RouteFilter& filter = rule.filters.emplace_back();
      filter.type = RouteFilter::Type::kExtensionRef;
      filter.extension_ref = LocalObjectReference{"g", "K", "n"};
    }
    return rule;
  }
  Service MakeService(int index) {
    Service service;
    service.meta = Meta(absl::StrCat("s", index % 3), Namespace());
    service.ports = {{.name = "a", .port = 80}, {.name = "b", .port = 81}};
    if (Pick(4) == 0) service.ports[1].app_protocol = "kubernetes.io/h2c";
    return service;
  }
  EndpointSlice MakeSlice(int index) {
    EndpointSlice slice;
    slice.meta = Meta(absl::StrCat("e", index), Namespace());
    slice.meta.labels[EndpointSlice::kServiceNameLabel] = absl::StrCat("s", Pick(3));
    slice.ports = {{.name = OneOf<std::string>({"a", "b"}), .port = 8080}};
    for (int i = 0; i < 3; ++i) {
      EndpointSlice::Endpoint& endpoint = slice.endpoints.emplace_back();
      endpoint.addresses = {absl::StrCat("10.0.0.", Pick(5))};
      endpoint.ready = Pick(2) == 0;
      endpoint.terminating = Pick(2) == 0;
      endpoint.serving = Pick(2) == 0;
    }
    return slice;
  }
  ReferenceGrant MakeGrant(int index) {
    ReferenceGrant grant;
    grant.meta = Meta(absl::StrCat("t", index), Namespace());
    bool secret = Pick(2) == 0;
    grant.from.push_back({kGatewayGroup,
                          secret ? OneOf<std::string>({"Gateway", "ListenerSet"})
                                 : OneOf<std::string>({"HTTPRoute", "GRPCRoute"}),
                          Namespace()});
    grant.to.push_back({"", secret ? "Secret" : "Service", Pick(2) == 0 ? "" : "s1"});
    return grant;
  }
  Secret MakeSecret(int index) {
    Secret secret;
    secret.meta = Meta(absl::StrCat("s", index), Namespace());
    return secret;
  }

  std::mt19937 random_;
};

}  // namespace sluice::compile::testing
