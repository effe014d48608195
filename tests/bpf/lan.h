// A LAN of two network namespaces, joined by a veth: "node", in which the test's thread runs, and
// "client". Devices are called eth0 on both sides. All of it goes with the object. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/core/fd.h"
#include "dataplane/packet/announcement.h"

struct peer_bpf;

namespace sluice::packet {

inline constexpr std::string_view kNodeMac = "02:00:00:00:00:0a";
inline constexpr std::string_view kClientMac = "02:00:00:00:00:0c";
inline constexpr std::string_view kNodeIp = "192.168.0.10";
inline constexpr std::string_view kClientIp = "192.168.0.99";

// Why namespaces and BPF cannot be had here; empty if they can.
std::string WhyNoLan();

// Somebody else's XDP program on a device of the current namespace.
class Occupant {
 public:
  explicit Occupant(const std::string& device);
  ~Occupant();

 private:
  peer_bpf* skeleton_;
};

class Lan {
 public:
  enum class Peer { kXdp, kPlain };  // whether the client's end runs XDP_PASS

  explicit Lan(Peer peer = Peer::kXdp);
  ~Lan();
  Lan(const Lan&) = delete;
  Lan& operator=(const Lan&) = delete;

  // Runs a command line by the shell; its output (both streams). `Node` and `Client` say where.
  // The command is a part of the test: one that fails ends the process with its words.
  std::string Node(const std::string& command) const;
  std::string Client(const std::string& command) const;

  // Another veth between the two, with the same name on both sides and no address.
  void AddWire(const std::string& name);
  // A third namespace behind `device` of the node, routed by it, as a pod is.
  void AddPod(const std::string& device, const std::string& node_ip, const std::string& pod_ip);

  // A bpffs folder of this LAN's own.
  const std::string& folder() const { return folder_; }

  // A descriptor made in the client's namespace by `make`.
  template <typename Make>
  auto InClient(Make make) const {
    return In(client_, make);
  }
  template <typename Make>
  auto InPod(Make make) const {
    return In(pod_, make);
  }

 private:
  template <typename Make>
  auto In(const core::Fd& network, Make make) const {
    Enter(network.get());
    auto made = make();
    Enter(node_.get());
    return made;
  }
  static void Enter(int network);
  void RunPeer(const std::string& device);

  std::string node_name_, client_name_, pod_name_, folder_;
  core::Fd home_, node_, client_, pod_;
  Peer peer_;
  std::vector<std::unique_ptr<Occupant>> peers_;
};

// A raw socket on a device of the current namespace: sends whole frames, sees what comes in.
class Wire {
 public:
  explicit Wire(const std::string& device);

  void Send(const Frame& frame) const;
  // The next frame that `matches`, within `patience`; nullopt if none comes.
  template <typename Matches>
  std::optional<Frame> Receive(Matches matches, std::chrono::milliseconds patience) const {
    const auto until = std::chrono::steady_clock::now() + patience;
    for (;;) {
      std::optional<Frame> frame = ReceiveAny(until);
      if (!frame.has_value() || matches(*frame)) return frame;
    }
  }

 private:
  std::optional<Frame> ReceiveAny(std::chrono::steady_clock::time_point until) const;
  core::Fd fd_;
};

}  // namespace sluice::packet
