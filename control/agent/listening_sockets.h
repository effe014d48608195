// The listening sockets of the gateway. The agent makes them once and gives duplicates to the
// proxy, so that connections wait in them while either is away. One thread.
// With the packet path there is one for each worker and family, bound to loopback port 0, and
// sk_lookup brings the connections of every VIP:port there. Without it there is one for each
// worker and VIP:port.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/channel/channel.pb.h"
#include "dataplane/core/address.h"
#include "dataplane/core/fd.h"
#include "dataplane/packet/packet_path.h"
#include "dataplane/snapshot/snapshot.pb.h"

namespace sluice::agent {

class ListeningSockets {
 public:
  // One for each worker and family. A kernel without IPv6 gets none of that family.
  absl::Status OpenForPacketPath(int workers);

  // One for each worker and TCP port of each VIP, as far as they are missing. True: some are new.
  // An address that is not of this machine is an error that names it; the others are there.
  absl::StatusOr<bool> OpenForVips(const snapshot::Snapshot& snapshot, int workers);

  // From a proxy that held them while the agent was away. Nothing is taken if one of them does not
  // listen.
  absl::Status TakeBack(const channel::Sockets& about, std::vector<core::Fd> fds);

  bool empty() const { return sockets_.empty(); }
  int workers() const;

  // For the proxy; descriptors in order.
  void Describe(channel::Sockets& about, std::vector<int>& fds) const;
  packet::ListenerSockets ForPacketPath() const;  // borrowed

 private:
  struct Owned {
    uint32_t worker = 0;
    core::Address local;
    core::Fd fd;
  };

  absl::Status Open(uint32_t worker, const core::Address& address, bool shared);
  bool Has(uint32_t worker, const core::Address& address) const;

  std::vector<Owned> sockets_;
};

}  // namespace sluice::agent
