#include "control/election/heartbeat_socket.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "control/election/heartbeat_wire.h"

namespace sluice::election {
namespace {

constexpr const char* kGroup4 = "224.0.0.254";
constexpr const char* kGroup6 = "ff02::114";
constexpr int kHops = 255;
constexpr int kReceiveBytes = 256 * 1024;

struct Option {
  int level;
  int name;
  int value;
};

bool SetAll(int fd, std::span<const Option> options) {
  for (const Option& option : options) {
    if (::setsockopt(fd, option.level, option.name, &option.value, sizeof option.value) != 0)
      return false;
  }
  return true;
}

bool SetOptions(int fd, bool ipv6, int ifindex) {
  if (ipv6) {
    return SetAll(fd, std::array<Option, 5>{{{IPPROTO_IPV6, IPV6_V6ONLY, 1},
                                             {IPPROTO_IPV6, IPV6_MULTICAST_HOPS, kHops},
                                             {IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0},
                                             {IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1},
                                             {IPPROTO_IPV6, IPV6_MULTICAST_IF, ifindex}}});
  }
  const ip_mreqn device = {.imr_ifindex = ifindex};
  return SetAll(fd, std::array<Option, 3>{{{IPPROTO_IP, IP_MULTICAST_TTL, kHops},
                                           {IPPROTO_IP, IP_MULTICAST_LOOP, 0},
                                           {IPPROTO_IP, IP_RECVTTL, 1}}}) &&
         ::setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &device, sizeof device) == 0;
}

sockaddr_storage MakeAddress(bool ipv6, const char* ip, uint16_t port, int ifindex,
                             socklen_t& size) {
  sockaddr_storage storage = {};
  if (ipv6) {
    auto* address = reinterpret_cast<sockaddr_in6*>(&storage);
    address->sin6_family = AF_INET6;
    address->sin6_port = htons(port);
    address->sin6_scope_id = static_cast<uint32_t>(ifindex);
    ::inet_pton(AF_INET6, ip, &address->sin6_addr);
    size = sizeof *address;
  } else {
    auto* address = reinterpret_cast<sockaddr_in*>(&storage);
    address->sin_family = AF_INET;
    address->sin_port = htons(port);
    ::inet_pton(AF_INET, ip, &address->sin_addr);
    size = sizeof *address;
  }
  return storage;
}

int JoinGroup(int fd, bool ipv6, int ifindex) {
  if (ipv6) {
    ipv6_mreq request = {.ipv6mr_interface = static_cast<unsigned>(ifindex)};
    ::inet_pton(AF_INET6, kGroup6, &request.ipv6mr_multiaddr);
    return ::setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof request);
  }
  ip_mreqn request = {.imr_ifindex = ifindex};
  ::inet_pton(AF_INET, kGroup4, &request.imr_multiaddr);
  return ::setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request);
}

// The TTL or hop limit that the datagram came with; -1: unknown.
int HopsOf(msghdr& message) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    const bool hops = (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) ||
                      (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_HOPLIMIT);
    if (!hops) continue;
    int value;
    std::memcpy(&value, CMSG_DATA(c), sizeof value);
    return value;
  }
  return -1;
}

}  // namespace

absl::StatusOr<HeartbeatSocket> HeartbeatSocket::Open(const std::string& device, uint16_t port) {
  HeartbeatSocket socket;
  socket.device_ = device;
  socket.port_ = port;
  socket.ifindex_ = static_cast<int>(::if_nametoindex(device.c_str()));
  if (socket.ifindex_ == 0) return absl::NotFoundError(absl::StrCat("no such device: ", device));
  const absl::Status v4 = socket.OpenFamily(false);
  const absl::Status v6 = socket.OpenFamily(true);
  if (socket.families_.empty()) return v4;
  return socket;
}

absl::Status HeartbeatSocket::OpenFamily(bool ipv6) {
  core::Fd fd(::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // Another process may hold the port for a moment while this one takes over from it.
  constexpr std::array<Option, 2> kCommon = {
      {{SOL_SOCKET, SO_REUSEADDR, 1}, {SOL_SOCKET, SO_RCVBUF, kReceiveBytes}}};
  socklen_t size = 0;
  const sockaddr_storage any = MakeAddress(ipv6, ipv6 ? "::" : "0.0.0.0", port_, 0, size);
  if (!fd.valid() || !SetAll(fd.get(), kCommon) ||
      ::setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, device_.data(),
                   static_cast<socklen_t>(device_.size())) != 0 ||
      !SetOptions(fd.get(), ipv6, ifindex_) ||
      ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), size) != 0 ||
      JoinGroup(fd.get(), ipv6, ifindex_) != 0) {
    return absl::ErrnoToStatus(
        errno, absl::StrCat("heartbeats by ", ipv6 ? "IPv6" : "IPv4", " on ", device_));
  }
  families_.push_back({std::move(fd), ipv6});
  return absl::OkStatus();
}

bool HeartbeatSocket::IsCurrent() const {
  return static_cast<int>(::if_nametoindex(device_.c_str())) == ifindex_;
}

bool HeartbeatSocket::HasCarrier() const {
  ifreq request = {};
  device_.copy(request.ifr_name, sizeof request.ifr_name - 1);
  constexpr int kUp = IFF_UP | IFF_RUNNING;
  return ::ioctl(families_.front().fd.get(), SIOCGIFFLAGS, &request) == 0 &&
         (request.ifr_flags & kUp) == kUp;
}

absl::Status HeartbeatSocket::Send(std::span<const uint8_t> payload) {
  int error = 0;
  bool sent = false;
  for (const Family& family : families_) {
    socklen_t size = 0;
    const sockaddr_storage group =
        MakeAddress(family.ipv6, family.ipv6 ? kGroup6 : kGroup4, port_, ifindex_, size);
    if (::sendto(family.fd.get(), payload.data(), payload.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&group), size) >= 0) {
      sent = true;
    } else {
      error = errno;
    }
  }
  if (sent) return absl::OkStatus();
  return absl::ErrnoToStatus(error, absl::StrCat("sending heartbeats on ", device_));
}

void HeartbeatSocket::Receive(const std::function<void(std::span<const uint8_t>)>& take) {
  std::array<uint8_t, kMaxHeartbeatBytes + 1> payload;  // one more: too long is seen
  alignas(cmsghdr) std::array<char, 128> control;
  for (const Family& family : families_) {
    for (int i = 0; i < kMaxReceived; ++i) {
      iovec io = {.iov_base = payload.data(), .iov_len = payload.size()};
      msghdr message = {.msg_iov = &io,
                        .msg_iovlen = 1,
                        .msg_control = control.data(),
                        .msg_controllen = control.size()};
      const ssize_t size = ::recvmsg(family.fd.get(), &message, 0);
      if (size < 0) break;
      if (HopsOf(message) == kHops) {
        take(std::span(payload).first(static_cast<size_t>(size)));
      } else {
        ++routed_;
      }
    }
  }
}

std::vector<int> HeartbeatSocket::fds() const {
  std::vector<int> fds;
  for (const Family& family : families_) fds.push_back(family.fd.get());
  return fds;
}

}  // namespace sluice::election
