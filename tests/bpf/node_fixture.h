// A node with its packet path on a small LAN, and what its tests ask and compare.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/core/fd.h"
#include "dataplane/packet/packet_path.h"
#include "tests/bpf/frames.h"
#include "tests/bpf/lan.h"

namespace sluice::packet {

inline constexpr std::string_view kVip = "192.168.0.200";
inline constexpr std::string_view kVip6 = "2001:db8::200";
inline constexpr std::chrono::milliseconds kSoon{2000};  // an answer is there within microseconds
inline constexpr std::chrono::milliseconds kNever{200};  // what has not come by then will not
inline const absl::Time kStart = absl::FromUnixSeconds(1000);

inline IpAddress Ip(std::string_view text) { return IpAddress::Parse(text).value(); }

// A VIP that this node owns, with port 443.
Vip MakeVip(std::string_view address);

// A listening socket as the agent makes it: port 0.
class Listener {
 public:
  explicit Listener(int family);
  int fd() const { return fd_.get(); }
  uint16_t port() const;
  // The local address of the next connection, "192.0.2.1:443"; "none" if none comes.
  std::string Accept() const;
  // How many connections wait; takes them.
  int AcceptAll() const;

 private:
  core::Fd fd_;
};

// Connects from the current namespace; 0 or the errno.
int Connect(std::string_view address, uint16_t port);

// Sends a datagram from `from`, an address of the node, to the client, and waits until it is there:
// the node has resolved the client by then.
void SendDatagram(const Lan& lan, std::string_view from);

bool IsArpReply(const Frame& frame);

// The MAC of the n-th of many machines.
std::string RequesterMac(int n);

// The answer to kClient's request for kVip.
Frame ExpectedArpReply();

class NodeTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Native XDP on eth0: the LAN is made for it.
  PacketPathOptions Options() const {
    return {.folder = lan_->folder(), .interfaces = {"eth0"}, .attach = AttachPreference::kXdp};
  }

  // Opens the path; owns kVip and kVip6 with the deadline far.
  void Open(PacketPathOptions options);
  void Apply(VipTable table);

  // What the node sends back to `request` in ARP or as a neighbour advertisement.
  std::optional<Frame> Ask(const Frame& request, std::chrono::milliseconds patience,
                           const std::string& device = "eth0") const;

  uint64_t Count(verdict_reason reason) const;
  // Waits for events of devices and handles them at `now` until `done`, or fails.
  void HandleEventsUntil(absl::Time now, const std::function<bool()>& done) const;
  // "xdp", with the reason if it is another.
  std::string ModeOf(std::string_view device) const;

  std::unique_ptr<Lan> lan_;
  std::unique_ptr<PacketPath> path_;
};

}  // namespace sluice::packet
