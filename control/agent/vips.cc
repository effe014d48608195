#include "control/agent/vips.h"

#include "absl/log/log.h"

namespace sluice::agent {

packet::VipTable VipTableOf(const snapshot::Snapshot& snapshot) {
  packet::VipTable table;
  for (const snapshot::Vip& vip : snapshot.vips()) {
    const auto address = packet::IpAddress::Parse(vip.address());
    if (!address.ok()) {  // the compiler makes none
      LOG(ERROR) << "VIP " << vip.address() << ": " << address.status().message();
      continue;
    }
    packet::Vip& out = table.emplace_back();
    out.address = *address;
    out.interfaces.assign(vip.interfaces().begin(), vip.interfaces().end());
    out.announce = vip.announce();
    for (const snapshot::Vip::Port& port : vip.ports()) {
      out.ports.push_back({port.transport() == snapshot::TRANSPORT_UDP ? packet::Transport::kUdp
                                                                       : packet::Transport::kTcp,
                           static_cast<uint16_t>(port.port())});
    }
  }
  return table;
}

}  // namespace sluice::agent
