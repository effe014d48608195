// Datagrams between the nodes of one LAN: multicast of link scope by IPv4 and IPv6 on one device.
// What has crossed a router is not delivered (TTL and hop limit must be 255: RFC 5082). One thread.
//
// The groups are 224.0.0.254 and ff02::114, which RFC 4727 leaves for uses without a group of their
// own. A device without an address of a family does without that family.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/core/fd.h"

namespace sluice::election {

inline constexpr uint16_t kHeartbeatPort = 9466;

class HeartbeatSocket {
 public:
  // NotFound: no such device.
  static absl::StatusOr<HeartbeatSocket> Open(const std::string& device,
                                              uint16_t port = kHeartbeatPort);

  // By every family that works now. Unavailable: none did.
  absl::Status Send(std::span<const uint8_t> payload);

  // Calls `take` for each datagram that waits, but for those that came through a router, which are
  // counted in routed(). At most kMaxReceived at once, so that a flood cannot hold the caller.
  static constexpr int kMaxReceived = 256;
  void Receive(const std::function<void(std::span<const uint8_t>)>& take);

  // To be watched for input.
  std::vector<int> fds() const;
  uint64_t routed() const { return routed_; }
  // Whether the device is still the one that was opened, and has a carrier. Two system calls.
  bool IsCurrent() const;
  bool HasCarrier() const;

 private:
  struct Family {
    core::Fd fd;
    bool ipv6 = false;
  };

  absl::Status OpenFamily(bool ipv6);

  std::string device_;
  uint16_t port_ = 0;
  int ifindex_ = 0;
  std::vector<Family> families_;
  uint64_t routed_ = 0;
};

}  // namespace sluice::election
