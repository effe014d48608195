// All objects of one moment, keyed by kind, namespace and name: what sources fill and Compile
// reads. A value without a thread rule, whose copies share the objects; iteration is ordered by
// namespace and name.
#pragma once

#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "gateway-api/address_pool.h"
#include "gateway-api/backend_tls_policy.h"
#include "gateway-api/gateway.h"
#include "gateway-api/gateway_class.h"
#include "gateway-api/gateway_parameters.h"
#include "gateway-api/grpc_route.h"
#include "gateway-api/http_route.h"
#include "gateway-api/metadata.h"
#include "gateway-api/object_map.h"
#include "gateway-api/reference_grant.h"
#include "gateway-api/secret.h"
#include "gateway-api/service.h"
#include "gateway-api/stream_routes.h"

namespace sluice::gateway_api {

using Object =
    std::variant<GatewayClass, Gateway, ListenerSet, HttpRoute, GrpcRoute, TlsRoute, TcpRoute,
                 UdpRoute, ReferenceGrant, BackendTlsPolicy, Service, EndpointSlice, Secret,
                 ConfigMap, Namespace, AddressPool, GatewayParameters>;

const ObjectMeta& Meta(const Object& object);
std::string_view KindOf(const Object& object);  // "HTTPRoute"
std::string Describe(const Object& object);     // "HTTPRoute namespace/name"

class ObjectSet {
 public:
  template <typename T>
  using Map = ObjectMap<T>;

  template <typename T>
  const Map<T>& All() const {
    return std::get<Map<T>>(maps_);
  }

  // Null: there is none.
  template <typename T>
  const T* Find(const NamespacedName& name) const {
    return All<T>().Find(name);
  }

  // Adds an object; AlreadyExists names both places if there is one of that kind and name, which
  // then stays.
  absl::Status Insert(Object object);

  // Adds an object, or replaces the one of that kind and name.
  void Put(Object object);

  // True if there was one.
  template <typename T>
  bool Erase(const NamespacedName& name) {
    return std::get<Map<T>>(maps_).Erase(name);
  }

  // Calls f(object) for each, kind by kind.
  template <typename F>
  void ForEach(F&& f) const {
    auto each = [&](const auto& map) {
      for (const auto& [name, object] : map) f(object);
    };
    std::apply([&](const auto&... maps) { (each(maps), ...); }, maps_);
  }

  size_t size() const;
  bool operator==(const ObjectSet&) const = default;

 private:
  std::tuple<Map<GatewayClass>, Map<Gateway>, Map<ListenerSet>, Map<HttpRoute>, Map<GrpcRoute>,
             Map<TlsRoute>, Map<TcpRoute>, Map<UdpRoute>, Map<ReferenceGrant>,
             Map<BackendTlsPolicy>, Map<Service>, Map<EndpointSlice>, Map<Secret>, Map<ConfigMap>,
             Map<Namespace>, Map<AddressPool>, Map<GatewayParameters>>
      maps_;
};

}  // namespace sluice::gateway_api
