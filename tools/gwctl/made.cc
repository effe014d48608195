#include "tools/gwctl/made.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "control/compile/endpoints.h"
#include "gateway-api/address_range.h"

namespace sluice::gwctl {
namespace {

template <typename List, typename Predicate>
auto FindIf(const List& list, Predicate predicate) -> decltype(&*list.begin()) {
  auto found = std::ranges::find_if(list, predicate);
  return found == list.end() ? nullptr : &*found;
}

using SliceMap =
    std::map<gateway_api::NamespacedName, std::vector<const gateway_api::EndpointSlice*>>;

SliceMap SlicesByService(const gateway_api::ObjectSet& objects) {
  SliceMap slices;
  for (const auto& [name, slice] : objects.All<gateway_api::EndpointSlice>()) {
    const auto label = slice.meta.labels.find(gateway_api::EndpointSlice::kServiceNameLabel);
    if (label != slice.meta.labels.end())
      slices[{name.namespace_, label->second}].push_back(&slice);
  }
  return slices;
}

// However many of its slices' ports there are, an endpoint counts once.
size_t CountAll(const std::vector<const gateway_api::EndpointSlice*>& slices) {
  size_t n = 0;
  for (const gateway_api::EndpointSlice* slice : slices) n += slice->endpoints.size();
  return n;
}

}  // namespace

EndpointMap AllEndpoints(const view::View& view) {
  EndpointMap all;
  const SliceMap slices = SlicesByService(view.objects);
  for (const auto& [name, service] : view.objects.All<gateway_api::Service>()) {
    for (const gateway_api::ServicePort& port : service.ports) {
      ServiceEndpoints& entry = all[{name.namespace_, absl::StrCat(name.name, ":", port.port)}];
      const auto found = slices.find(name);
      if (found == slices.end()) continue;
      entry.set = compile::CompileEndpoints(service, port, found->second);
      entry.all = CountAll(found->second);
    }
  }
  return all;
}

compile::ListenerStatus StatusOf(const compile::GatewayStatus& status, std::string_view listener) {
  const auto* found = FindIf(status.listeners, [&](const auto& s) { return s.name == listener; });
  return found == nullptr ? compile::ListenerStatus() : *found;
}

bool InPool(const gateway_api::AddressPool& pool, const std::string& address) {
  const auto number = gateway_api::ParseIpAddress(address);
  return number && std::ranges::any_of(pool.ranges, [&](const std::string& text) {
           const auto range = gateway_api::ParseAddressRange(text);
           return range && range->Contains(*number);
         });
}

std::string PoolOf(const view::View& view, const std::string& address) {
  for (const auto& [name, pool] : view.objects.All<gateway_api::AddressPool>()) {
    if (InPool(pool, address)) return name.name;
  }
  return "";
}

std::string OwnedText(const view::View& view, const std::string& address) {
  if (!view.agent) return "Unknown";
  for (const view::VipState& vip : view.agent->vips) {
    if (vip.address == address) return vip.owned ? "True" : "False";
  }
  return "False";
}

const view::CertificateFacts* FindCertificate(const view::View& view,
                                              const gateway_api::NamespacedName& secret) {
  return FindIf(view.certificates, [&](const auto& facts) { return facts.secret == secret; });
}

const view::CertificateFacts* FindCertificateById(const view::View& view, std::string_view id) {
  return FindIf(view.certificates, [&](const auto& facts) { return facts.id == id; });
}

const snapshot::EndpointSet* FindEndpoints(const snapshot::Snapshot& snapshot,
                                           std::string_view cluster_id) {
  return FindIf(snapshot.endpoints(),
                [&](const auto& set) { return set.cluster_id() == cluster_id; });
}

}  // namespace sluice::gwctl
