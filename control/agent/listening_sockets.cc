#include "control/agent/listening_sockets.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dataplane/core/listen.h"

namespace sluice::agent {
namespace {

core::Address Loopback(bool ipv6) { return *core::Address::Parse(ipv6 ? "::1" : "127.0.0.1", 0); }

bool IsListening(int fd) {
  int listening = 0;
  socklen_t size = sizeof listening;
  return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening == 1;
}

}  // namespace

// `shared`: several sockets listen on the same address, one a worker.
absl::Status ListeningSockets::Open(uint32_t worker, const core::Address& address, bool shared) {
  absl::StatusOr<core::Fd> fd = core::ListenTcp(address, shared);
  if (!fd.ok()) return fd.status();
  const std::optional<core::Address> local = core::Address::OfLocal(fd->get());
  if (!local) return absl::ErrnoToStatus(errno, "asking for a socket's address");
  sockets_.push_back({worker, *local, *std::move(fd)});
  return absl::OkStatus();
}

absl::Status ListeningSockets::OpenForPacketPath(int workers) {
  for (const bool ipv6 : {false, true}) {
    for (int worker = 0; worker < workers; ++worker) {
      absl::Status opened = Open(static_cast<uint32_t>(worker), Loopback(ipv6), false);
      if (opened.ok()) continue;
      if (ipv6 && worker == 0) return absl::OkStatus();  // no IPv6 here
      return opened;
    }
  }
  return absl::OkStatus();
}

bool ListeningSockets::Has(uint32_t worker, const core::Address& address) const {
  return std::ranges::any_of(sockets_, [&](const Owned& socket) {
    return socket.worker == worker && socket.local == address;
  });
}

absl::StatusOr<bool> ListeningSockets::OpenForVips(const snapshot::Snapshot& snapshot,
                                                   int workers) {
  const size_t before = sockets_.size();
  absl::Status first_problem;
  for (const snapshot::Vip& vip : snapshot.vips()) {
    for (const snapshot::Vip::Port& port : vip.ports()) {
      if (port.transport() != snapshot::TRANSPORT_TCP) continue;
      const auto address = core::Address::Parse(vip.address(), static_cast<uint16_t>(port.port()));
      if (!address) continue;  // the compiler makes none
      for (int worker = 0; worker < workers; ++worker) {
        if (Has(static_cast<uint32_t>(worker), *address)) continue;
        first_problem.Update(Open(static_cast<uint32_t>(worker), *address, true));
      }
    }
  }
  if (!first_problem.ok()) return first_problem;
  return sockets_.size() > before;
}

absl::Status ListeningSockets::TakeBack(const channel::Sockets& about, std::vector<core::Fd> fds) {
  std::vector<Owned> taken;
  for (size_t i = 0; i < fds.size(); ++i) {
    const std::optional<core::Address> local = core::Address::OfLocal(fds[i].get());
    if (!local || !IsListening(fds[i].get()))
      return absl::InvalidArgumentError("a socket that does not listen");
    taken.push_back({about.sockets(static_cast<int>(i)).worker(), *local, std::move(fds[i])});
  }
  sockets_ = std::move(taken);
  return absl::OkStatus();
}

int ListeningSockets::workers() const {
  uint32_t highest = 0;
  for (const Owned& socket : sockets_) highest = std::max(highest, socket.worker + 1);
  return static_cast<int>(highest);
}

void ListeningSockets::Describe(channel::Sockets& about, std::vector<int>& fds) const {
  for (const Owned& socket : sockets_) {
    channel::Sockets::Socket& out = *about.add_sockets();
    out.set_worker(socket.worker);
    out.set_ipv6(socket.local.ipv6());
    fds.push_back(socket.fd.get());
  }
}

packet::ListenerSockets ListeningSockets::ForPacketPath() const {
  packet::ListenerSockets result;
  std::vector<const Owned*> by_worker;
  for (const Owned& socket : sockets_) by_worker.push_back(&socket);
  std::ranges::sort(by_worker, {}, [](const Owned* socket) { return socket->worker; });
  for (const Owned* socket : by_worker) {
    (socket->local.ipv6() ? result.tcp6 : result.tcp4).push_back(socket->fd.get());
  }
  return result;
}

}  // namespace sluice::agent
