#include "dataplane/packet/netlink.h"

#include <errno.h>
#include <sys/socket.h>

#include <algorithm>

#include "dataplane/packet/kernel_error.h"

namespace sluice::packet {
namespace {

constexpr size_t kReceiveBytes = 64 * 1024;  // the kernel's dumps fill at most 32 kB
constexpr int kMonitorBufferBytes = 1 << 20;

}  // namespace

NetlinkRequest::NetlinkRequest(uint16_t type, uint16_t flags) {
  nlmsghdr header = {};
  header.nlmsg_type = type;
  header.nlmsg_flags = flags | NLM_F_REQUEST;
  Add(header);
}

NetlinkRequest& NetlinkRequest::Append(const void* data, size_t bytes) {
  const auto* begin = static_cast<const uint8_t*>(data);
  bytes_.insert(bytes_.end(), begin, begin + bytes);
  bytes_.resize(NLMSG_ALIGN(bytes_.size()));
  return *this;
}

NetlinkRequest& NetlinkRequest::AddAttribute(uint16_t type, std::span<const uint8_t> value) {
  rtattr header = {};
  header.rta_type = type;
  header.rta_len = static_cast<uint16_t>(RTA_LENGTH(value.size()));
  Append(&header, sizeof header);
  return Append(value.data(), value.size());
}

NetlinkRequest& NetlinkRequest::AddAttribute(uint16_t type, uint32_t value) {
  return AddAttribute(type, {reinterpret_cast<const uint8_t*>(&value), sizeof value});
}

NetlinkRequest& NetlinkRequest::AddAttribute(uint16_t type, uint8_t value) {
  return AddAttribute(type, {&value, sizeof value});
}

std::span<const uint8_t> NetlinkRequest::Finish(uint32_t sequence) {
  auto* header = reinterpret_cast<nlmsghdr*>(bytes_.data());
  header->nlmsg_len = static_cast<uint32_t>(bytes_.size());
  header->nlmsg_seq = sequence;
  return bytes_;
}

std::string_view NetlinkAttribute::text() const {
  const std::string_view all(reinterpret_cast<const char*>(value.data()), value.size());
  return all.substr(0, all.find('\0'));
}

std::vector<NetlinkAttribute> ParseAttributes(std::span<const uint8_t> bytes) {
  std::vector<NetlinkAttribute> attributes;
  while (bytes.size() >= sizeof(rtattr)) {
    rtattr header;
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.rta_len < sizeof header || header.rta_len > bytes.size()) break;
    attributes.push_back({static_cast<uint16_t>(header.rta_type & NLA_TYPE_MASK),
                          bytes.subspan(RTA_LENGTH(0), header.rta_len - RTA_LENGTH(0))});
    bytes = bytes.subspan(std::min<size_t>(RTA_ALIGN(header.rta_len), bytes.size()));
  }
  return attributes;
}

absl::StatusOr<NetlinkSocket> NetlinkSocket::Open(std::span<const int> groups) {
  const int flags = groups.empty() ? 0 : SOCK_NONBLOCK;
  core::Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE));
  sockaddr_nl address = {};
  address.nl_family = AF_NETLINK;
  if (!fd.valid() || bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return KernelError(errno, "opening a netlink socket");
  }
  const int one = 1;
  setsockopt(fd.get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof one);
  if (!groups.empty()) {
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kMonitorBufferBytes, sizeof kMonitorBufferBytes);
  }
  for (const int group : groups) {
    if (setsockopt(fd.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) {
      return KernelError(errno, "listening to netlink");
    }
  }
  return NetlinkSocket(std::move(fd));
}

int NetlinkSocket::Execute(NetlinkRequest request) { return Converse(request, nullptr); }

int NetlinkSocket::Dump(NetlinkRequest request,
                        const std::function<void(const NetlinkMessage&)>& visit) {
  return Converse(request, &visit);
}

int NetlinkSocket::Converse(NetlinkRequest& request,
                            const std::function<void(const NetlinkMessage&)>* visit) {
  const std::span<const uint8_t> bytes = request.Finish(++sequence_);
  if (send(fd_.get(), bytes.data(), bytes.size(), 0) < 0) return errno;
  std::vector<uint8_t> buffer(kReceiveBytes);
  for (;;) {
    const ssize_t got = recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    auto left = static_cast<uint32_t>(got);
    for (auto* header = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(header, left);
         header = NLMSG_NEXT(header, left)) {
      if (header->nlmsg_seq != sequence_) continue;  // the rest of an abandoned answer
      if (header->nlmsg_flags & NLM_F_DUMP_INTR) return EAGAIN;
      if (header->nlmsg_type == NLMSG_DONE) return 0;
      if (header->nlmsg_type == NLMSG_ERROR) {
        return -static_cast<const nlmsgerr*>(NLMSG_DATA(header))->error;
      }
      if (visit == nullptr) continue;
      (*visit)({header->nlmsg_type,
                {static_cast<const uint8_t*>(NLMSG_DATA(header)), NLMSG_PAYLOAD(header, 0)}});
    }
  }
}

bool NetlinkSocket::Drain() {
  std::vector<uint8_t> buffer(kReceiveBytes);
  bool any = false;
  for (;;) {
    if (recv(fd_.get(), buffer.data(), buffer.size(), 0) >= 0 || errno == ENOBUFS) {
      any = true;
    } else if (errno != EINTR) {
      return any;
    }
  }
}

}  // namespace sluice::packet
