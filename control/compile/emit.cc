#include "control/compile/emit.h"

#include <map>
#include <set>
#include <string>
#include <utility>

namespace sluice::compile {
namespace {

snapshot::Listener MakeListener(const ListenerPlan& plan, const std::set<std::string>& addresses) {
  snapshot::Listener listener;
  listener.set_id(plan.id);
  listener.mutable_addresses()->Assign(addresses.begin(), addresses.end());
  listener.set_port(static_cast<uint32_t>(plan.spec->port));
  listener.set_protocol(plan.protocol);
  listener.set_hostname(plan.spec->hostname);
  for (const std::string& id : plan.certificate_ids) listener.add_certificate_ids(id);
  return listener;
}

std::set<int> ServedPorts(const GatewayPlan& gateway) {
  std::set<int> ports;
  gateway.ForEachListener([&](const ListenerPlan& listener) {
    if (listener.served()) ports.insert(listener.spec->port);
  });
  return ports;
}

}  // namespace

void EmitListeners(const std::vector<GatewayPlan>& gateways, const Certificates& certificates,
                   Compiled& out) {
  std::map<std::string, snapshot::Listener> listeners;
  std::set<CertificateUse> uses;
  for (const GatewayPlan& gateway : gateways) {
    std::set<std::string> addresses;
    for (const UsableAddress& usable : gateway.addresses.usable) addresses.insert(usable.address);
    gateway.ForEachListener([&](const ListenerPlan& plan) {
      if (!plan.served()) return;
      listeners.emplace(plan.id, MakeListener(plan, addresses));
      for (const std::string& id : plan.certificate_ids)
        uses.insert({id, certificates.SecretOf(id)});
    });
  }
  for (auto& [id, listener] : listeners) *out.snapshot.add_listeners() = std::move(listener);
  out.certificates.assign(uses.begin(), uses.end());
}

void EmitVips(const std::vector<GatewayPlan>& gateways, const CompileOptions& options,
              Compiled& out) {
  std::map<std::string, snapshot::Vip> vips;
  for (const GatewayPlan& gateway : gateways) {
    const std::set<int> ports = ServedPorts(gateway);
    if (ports.empty()) continue;
    for (const UsableAddress& address : gateway.addresses.usable) {
      snapshot::Vip& vip = vips[address.address] = MakeVip(address, options);
      vip.add_gateways(ToString(gateway.object->meta.key()));
      for (int port : ports) {
        snapshot::Vip::Port* added = vip.add_ports();
        added->set_transport(snapshot::TRANSPORT_TCP);
        added->set_port(static_cast<uint32_t>(port));
      }
    }
  }
  for (auto& [address, vip] : vips) *out.snapshot.add_vips() = std::move(vip);
}

}  // namespace sluice::compile
