#include "tests/bpf/lan.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/magic.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>

#include "absl/log/check.h"
#include "absl/strings/str_cat.h"
#include "dataplane/packet/kernel_error.h"
#include "tests/bpf/programs/peer.skel.h"

namespace sluice::packet {
namespace {

constexpr char kBpffs[] = "/sys/fs/bpf";

bool IsBpffsMounted() {
  struct statfs info;
  return statfs(kBpffs, &info) == 0 && static_cast<uint32_t>(info.f_type) == BPF_FS_MAGIC;
}

std::string Run(const std::string& command) {
  FILE* pipe = popen(absl::StrCat(command, " 2>&1").c_str(), "r");
  PCHECK(pipe != nullptr);
  std::string output;
  std::array<char, 4096> buffer;
  while (const size_t got = fread(buffer.data(), 1, buffer.size(), pipe)) {
    output.append(buffer.data(), got);
  }
  const int status = pclose(pipe);
  CHECK_EQ(status, 0) << command << ": " << output;
  return output;
}

core::Fd OpenNetwork(const std::string& path) {
  core::Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  PCHECK(fd.valid()) << path;
  return fd;
}

}  // namespace

std::string WhyNoLan() {
  if (geteuid() != 0) return "needs root";
  if (const std::string missing = MissingCapabilities(); !missing.empty()) {
    return "this process lacks " + missing;
  }
  const core::Fd home(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (unshare(CLONE_NEWNET) != 0) return "network namespaces are refused here";
  PCHECK(setns(home.get(), CLONE_NEWNET) == 0);
  if (!IsBpffsMounted() && mount("bpf", kBpffs, "bpf", 0, nullptr) != 0) {
    return "/sys/fs/bpf is not mounted and cannot be";
  }
  return "";
}

Occupant::Occupant(const std::string& device) : skeleton_(peer_bpf__open_and_load()) {
  PCHECK(skeleton_ != nullptr);
  skeleton_->links.peer_pass = bpf_program__attach_xdp(
      skeleton_->progs.peer_pass, static_cast<int>(if_nametoindex(device.c_str())));
  PCHECK(skeleton_->links.peer_pass != nullptr);
}

Occupant::~Occupant() { peer_bpf__destroy(skeleton_); }

Lan::Lan(Peer peer)
    : node_name_(absl::StrCat("sluice-node-", getpid())),
      client_name_(absl::StrCat("sluice-client-", getpid())),
      folder_(absl::StrCat(kBpffs, "/sluice-test-", getpid())),
      home_(OpenNetwork("/proc/thread-self/ns/net")),
      peer_(peer) {
  Run("ip netns add " + node_name_);
  Run("ip netns add " + client_name_);
  node_ = OpenNetwork("/run/netns/" + node_name_);
  client_ = OpenNetwork("/run/netns/" + client_name_);
  Enter(node_.get());
  Run(absl::StrCat("ip link add eth0 address ", kNodeMac, " type veth peer name eth0 address ",
                   kClientMac, " netns ", client_name_));
  const auto address = [](std::string_view ip, std::string_view ip6) {
    return absl::StrCat(
        "echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad && "
        "ip link set lo up && ip addr add ",
        ip, "/24 dev eth0 && ip addr add ", ip6, "/64 dev eth0 nodad && ip link set eth0 up");
  };
  Node(address(kNodeIp, "2001:db8::10"));
  Client(address(kClientIp, "2001:db8::99"));
  RunPeer("eth0");
}

void Lan::RunPeer(const std::string& device) {
  if (peer_ == Peer::kPlain) return;
  peers_.push_back(InClient([&] { return std::make_unique<Occupant>(device); }));
}

Lan::~Lan() {
  peers_.clear();
  Enter(home_.get());
  Run("ip netns del " + node_name_);
  Run("ip netns del " + client_name_);
  if (!pod_name_.empty()) Run("ip netns del " + pod_name_);
  std::filesystem::remove_all(folder_);
}

void Lan::AddWire(const std::string& name) {
  Node(absl::StrCat("ip link add ", name, " type veth peer name ", name, " netns ", client_name_,
                    " && ip link set ", name, " up"));
  Client(absl::StrCat("ip link set ", name, " up"));
  RunPeer(name);
}

void Lan::AddPod(const std::string& device, const std::string& node_ip, const std::string& pod_ip) {
  pod_name_ = absl::StrCat("sluice-pod-", getpid());
  Run("ip netns add " + pod_name_);
  pod_ = OpenNetwork("/run/netns/" + pod_name_);
  Node(absl::StrCat("ip link add ", device, " type veth peer name eth0 netns ", pod_name_,
                    " && ip addr add ", node_ip, " dev ", device, " && ip link set ", device,
                    " up"));
  const std::string gateway = node_ip.substr(0, node_ip.find('/'));
  In(pod_, [&] {
    return Run(absl::StrCat("ip link set lo up && ip addr add ", pod_ip,
                            " dev eth0 && ip link set eth0 up && ip route add default via ",
                            gateway));
  });
}

void Lan::Enter(int network) { PCHECK(setns(network, CLONE_NEWNET) == 0); }

std::string Lan::Node(const std::string& command) const { return Run(command); }

std::string Lan::Client(const std::string& command) const {
  return InClient([&] { return Run(command); });
}

Wire::Wire(const std::string& device)
    : fd_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL))) {
  PCHECK(fd_.valid());
  sockaddr_ll address = {};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(if_nametoindex(device.c_str()));
  PCHECK(bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
}

void Wire::Send(const Frame& frame) const {
  PCHECK(send(fd_.get(), frame.data(), frame.size(), 0) == static_cast<ssize_t>(frame.size()));
}

std::optional<Frame> Wire::ReceiveAny(std::chrono::steady_clock::time_point until) const {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    pollfd readable = {.fd = fd_.get(), .events = POLLIN};
    if (left.count() < 0 || poll(&readable, 1, static_cast<int>(left.count())) <= 0) {
      return std::nullopt;
    }
    Frame frame(2048);
    sockaddr_ll from = {};
    socklen_t size = sizeof from;
    const ssize_t got = recvfrom(fd_.get(), frame.data(), frame.size(), 0,
                                 reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 0 || from.sll_pkttype == PACKET_OUTGOING) continue;
    frame.resize(got);
    return frame;
  }
}

}  // namespace sluice::packet
