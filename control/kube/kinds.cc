#include "control/kube/kinds.h"

#include <initializer_list>
#include <utility>
#include <variant>

namespace sluice::kube {
namespace {

using gateway_api::NamespacedName;
using gateway_api::Object;
using gateway_api::ObjectSet;

template <typename T>
bool Put(ObjectSet& objects, Object object) {
  T& value = std::get<T>(object);
  if (const T* before = objects.Find<T>(value.meta.key()); before != nullptr) {
    std::string version = std::exchange(value.meta.resource_version, before->meta.resource_version);
    if (value == *before) return false;
    value.meta.resource_version = std::move(version);
  }
  objects.Put(std::move(object));
  return true;
}

template <typename T>
bool Erase(ObjectSet& objects, const NamespacedName& name) {
  return objects.Erase<T>(name);
}

template <typename T>
Kind Of(Resource resource, std::initializer_list<std::string_view> versions) {
  Kind kind{.put = Put<T>, .erase = Erase<T>};
  resource.kind = T::kKind;
  for (std::string_view version : versions) {
    resource.version = version;
    kind.versions.push_back(resource);
  }
  return kind;
}

template <typename T>
Kind Gateway(std::string_view plural, std::initializer_list<std::string_view> versions,
             bool namespaced = true) {
  Kind kind = Of<T>({gateway_api::kGatewayGroup, "", plural, "", namespaced}, versions);
  kind.has_status = kind.ours_to_judge = true;
  return kind;
}

template <typename T>
Kind Sluice(std::string_view plural, bool namespaced) {
  Kind kind = Of<T>({gateway_api::kSluiceGroup, "", plural, "", namespaced}, {"v1alpha1"});
  kind.ours_to_judge = true;
  return kind;
}

template <typename T>
Kind Core(std::string_view plural, bool namespaced = true) {
  Kind kind = Of<T>({"", "", plural, "", namespaced}, {"v1"});
  kind.trimming.annotations = false;  // some change all the time, and none means anything here
  return kind;
}

Kind ReferenceGrants() {
  Kind kind = Gateway<gateway_api::ReferenceGrant>("referencegrants", {"v1", "v1beta1"});
  kind.has_status = false;
  return kind;
}

Kind AddressPools() {
  Kind kind = Sluice<gateway_api::AddressPool>("addresspools", false);
  kind.has_status = true;
  kind.trimming.status = true;  // its allocations are read
  return kind;
}

Kind EndpointSlices() {
  Kind kind = Core<gateway_api::EndpointSlice>("endpointslices");
  for (Resource& version : kind.versions) version.group = "discovery.k8s.io";
  return kind;
}

// ConfigMaps are read for certificate authorities alone.
Kind ConfigMaps() {
  Kind kind = Core<gateway_api::ConfigMap>("configmaps");
  kind.trimming.only_data = "ca.crt";
  return kind;
}

Kind Namespaces() {
  Kind kind = Core<gateway_api::Namespace>("namespaces", false);
  kind.metadata_only = true;
  return kind;
}

}  // namespace

std::span<const Kind> ObjectKinds() {
  namespace api = gateway_api;
  static const Kind kKinds[] = {
      Gateway<api::GatewayClass>("gatewayclasses", {"v1", "v1beta1"}, false),
      Gateway<api::Gateway>("gateways", {"v1", "v1beta1"}),
      Gateway<api::ListenerSet>("listenersets", {"v1"}),
      Gateway<api::HttpRoute>("httproutes", {"v1", "v1beta1"}),
      Gateway<api::GrpcRoute>("grpcroutes", {"v1"}),
      Gateway<api::TlsRoute>("tlsroutes", {"v1", "v1alpha3"}),
      Gateway<api::TcpRoute>("tcproutes", {"v1", "v1alpha2"}),
      Gateway<api::UdpRoute>("udproutes", {"v1", "v1alpha2"}),
      ReferenceGrants(),
      Gateway<api::BackendTlsPolicy>("backendtlspolicies", {"v1", "v1alpha3"}),
      AddressPools(),
      Sluice<api::GatewayParameters>("gatewayparameters", true),
      Core<api::Service>("services"),
      EndpointSlices(),
      Core<api::Secret>("secrets"),
      ConfigMaps(),
      Namespaces(),
  };
  return kKinds;
}

}  // namespace sluice::kube
