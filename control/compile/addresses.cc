#include "control/compile/addresses.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "control/compile/conditions.h"
#include "control/compile/namespaces.h"
#include "gateway-api/address_range.h"

namespace sluice::compile {
namespace {

using gateway_api::AddressPool;
using gateway_api::AddressRange;
using gateway_api::Gateway;
using gateway_api::IpAddress;
using gateway_api::NamespacedName;

struct Pool {
  const AddressPool* object = nullptr;
  std::vector<AddressRange> ranges;
};

std::vector<Pool> ReadPools(const gateway_api::ObjectSet& objects) {
  std::vector<Pool> pools;
  for (const auto& [name, object] : objects.All<AddressPool>()) {
    Pool& pool = pools.emplace_back(Pool{&object, {}});
    for (const std::string& text : object.ranges) {
      if (auto range = gateway_api::ParseAddressRange(text)) pool.ranges.push_back(*range);
    }
  }
  return pools;
}

NamespacedName ParseName(const std::string& text) {
  size_t slash = text.find('/');
  if (slash == text.npos) return {"", text};
  return {text.substr(0, slash), text.substr(slash + 1)};
}

std::string Canonical(const std::string& text) {
  auto address = gateway_api::ParseIpAddress(text);
  return address ? ToString(*address) : "";
}

Allocations KnownAllocations(const gateway_api::ObjectSet& objects, const CompileOptions& options) {
  Allocations known;
  for (const auto& [name, pool] : objects.All<AddressPool>()) {
    for (const auto& allocation : pool.allocations) {
      known.try_emplace(Canonical(allocation.address), ParseName(allocation.gateway));
    }
  }
  for (const auto& [address, gateway] : options.allocations) {
    known.insert_or_assign(Canonical(address), gateway);
  }
  return known;
}

class Assigner {
 public:
  Assigner(const gateway_api::ObjectSet& objects, const CompileOptions& options)
      : objects_(objects),
        options_(options),
        pools_(ReadPools(objects)),
        known_(KnownAllocations(objects, options)) {}

  // Addresses that are written down: who holds one keeps it, else the first in order gets it.
  void ReserveStatic(const Gateway& gateway) {
    for (const auto& wanted : gateway.addresses) {
      std::string address = Canonical(wanted.value);
      if (address.empty()) continue;
      auto known = known_.find(address);
      if (known != known_.end() && known->second == gateway.meta.key()) {
        taken_.insert_or_assign(address, gateway.meta.key());
      }
    }
  }
  void ClaimStatic(const Gateway& gateway) {
    for (const auto& wanted : gateway.addresses) {
      std::string address = Canonical(wanted.value);
      if (!address.empty() && PoolOf(gateway, address) != nullptr) {
        taken_.try_emplace(address, gateway.meta.key());
      }
    }
  }
  // Addresses that were handed out before: they stay, in a pool or not.
  void KeepAssigned(const Gateway& gateway) {
    size_t wanted = CountUnassigned(gateway);
    for (const std::string& address : KnownOf(gateway)) {
      if (wanted == 0) return;
      if (IsWrittenDown(gateway, address)) continue;
      auto [entry, added] = taken_.try_emplace(address, gateway.meta.key());
      if (!added) continue;
      assigned_[gateway.meta.key()].push_back(address);
      --wanted;
    }
  }
  void AssignNew(const Gateway& gateway) {
    std::vector<std::string>& own = assigned_[gateway.meta.key()];
    while (options_.allocate && own.size() < CountUnassigned(gateway)) {
      std::string address = NextFree(gateway);
      if (address.empty()) return;
      taken_.emplace(address, gateway.meta.key());
      own.push_back(address);
    }
  }

  AddressPlan Plan(const Gateway& gateway) const {
    AddressPlan plan;
    for (const auto& wanted : gateway.addresses) {
      if (!wanted.value.empty()) AddStatic(gateway, wanted.value, plan);
    }
    AddAssigned(gateway, plan);
    return plan;
  }

  Allocations Take() { return std::move(taken_); }

 private:
  static bool IsWrittenDown(const Gateway& gateway, const std::string& address) {
    return std::ranges::any_of(
        gateway.addresses, [&](const auto& wanted) { return Canonical(wanted.value) == address; });
  }

  // A Gateway without addresses wants one; an address without a value is one more.
  static size_t CountUnassigned(const Gateway& gateway) {
    if (gateway.addresses.empty()) return 1;
    return std::ranges::count_if(gateway.addresses,
                                 [](const auto& wanted) { return wanted.value.empty(); });
  }

  std::vector<std::string> KnownOf(const Gateway& gateway) const {
    std::vector<std::string> addresses;
    for (const auto& [address, owner] : known_) {
      if (owner == gateway.meta.key()) addresses.push_back(address);
    }
    return addresses;
  }

  bool Admits(const Pool& pool, const Gateway& gateway) const {
    return Allows(pool.object->namespaces, objects_, "", gateway.meta.namespace_);
  }

  const AddressPool* PoolOf(const Gateway& gateway, const std::string& text) const {
    auto address = gateway_api::ParseIpAddress(text);
    if (!address) return nullptr;
    for (const Pool& pool : pools_) {
      bool holds = std::ranges::any_of(
          pool.ranges, [&](const AddressRange& range) { return range.Contains(*address); });
      if (holds && Admits(pool, gateway)) return pool.object;
    }
    return nullptr;
  }

  std::string NextFree(const Gateway& gateway) const {
    for (const Pool& pool : pools_) {
      if (!Admits(pool, gateway)) continue;
      for (const AddressRange& range : pool.ranges) {
        if (std::string address = NextFree(range); !address.empty()) return address;
      }
    }
    return "";
  }

  // At most one step for each taken address. The first and the last address of an IPv4 subnet are
  // not handed out: they may be its network and broadcast addresses.
  std::string NextFree(const AddressRange& range) const {
    bool edges = range.subnet && !range.first.v6 && range.first != range.last;
    std::optional<IpAddress> at = range.first;
    if (edges) at = Next(*at);
    for (; at && range.Contains(*at); at = Next(*at)) {
      if (edges && *at == range.last) break;
      std::string text = ToString(*at);
      if (!taken_.contains(text)) return text;
    }
    return "";
  }

  void AddStatic(const Gateway& gateway, const std::string& value, AddressPlan& plan) const {
    std::string address = Canonical(value);
    const AddressPool* pool = PoolOf(gateway, address);
    if (pool == nullptr) {
      plan.problem = GatewayAddressNotUsable(
          absl::StrCat("no AddressPool for this namespace has the address ", value));
      return;
    }
    auto owner = taken_.find(address);
    if (owner == taken_.end() || owner->second != gateway.meta.key()) {
      plan.problem = GatewayAddressNotUsable(
          absl::StrCat("Gateway ", ToString(owner->second), " has the address ", value));
      return;
    }
    plan.usable.push_back({address, pool});
  }

  void AddAssigned(const Gateway& gateway, AddressPlan& plan) const {
    auto found = assigned_.find(gateway.meta.key());
    size_t count = found == assigned_.end() ? 0 : found->second.size();
    for (size_t i = 0; i < count; ++i) {
      const std::string& address = found->second[i];
      const AddressPool* pool = PoolOf(gateway, address);
      if (pool != nullptr) {
        plan.usable.push_back({address, pool});
      } else {
        plan.problem = GatewayAddressNotUsable(absl::StrCat(
            "the assigned address ", address, " is in no AddressPool for this namespace any more"));
      }
    }
    if (count < CountUnassigned(gateway) && !plan.problem) {
      plan.problem = GatewayAddressNotAssigned(
          options_.allocate ? "no AddressPool for this namespace has a free address"
                            : "the address is not assigned yet");
    }
  }

  const gateway_api::ObjectSet& objects_;
  const CompileOptions& options_;
  std::vector<Pool> pools_;
  Allocations known_;
  Allocations taken_;
  std::map<NamespacedName, std::vector<std::string>> assigned_;
};

}  // namespace

std::vector<AddressPlan> AssignAddresses(const std::vector<const Gateway*>& gateways,
                                         const gateway_api::ObjectSet& objects,
                                         const CompileOptions& options, Allocations& allocations) {
  Assigner assigner(objects, options);
  for (const Gateway* gateway : gateways) assigner.ReserveStatic(*gateway);
  for (const Gateway* gateway : gateways) assigner.KeepAssigned(*gateway);
  for (const Gateway* gateway : gateways) assigner.ClaimStatic(*gateway);
  for (const Gateway* gateway : gateways) assigner.AssignNew(*gateway);
  std::vector<AddressPlan> plans;
  plans.reserve(gateways.size());
  for (const Gateway* gateway : gateways) plans.push_back(assigner.Plan(*gateway));
  allocations = assigner.Take();
  return plans;
}

snapshot::Vip MakeVip(const UsableAddress& address, const CompileOptions& options) {
  snapshot::Vip vip;
  vip.set_address(address.address);
  for (const std::string& interface : address.pool->interfaces) vip.add_interfaces(interface);
  vip.set_announce(address.pool->announce &&
                   Matches(address.pool->node_selector, options.node_labels));
  return vip;
}

}  // namespace sluice::compile
