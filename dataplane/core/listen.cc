#include "dataplane/core/listen.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "absl/strings/str_cat.h"

namespace sluice::core {
namespace {

constexpr int kBacklog = 4096;

bool TurnOn(const Fd& fd, int level, int option) {
  const int on = 1;
  return setsockopt(fd.get(), level, option, &on, sizeof on) == 0;
}

}  // namespace

absl::StatusOr<Fd> ListenTcp(const Address& address, bool shared) {
  Fd fd(socket(address.ipv6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const bool ready =
      fd.valid() && TurnOn(fd, IPPROTO_TCP, TCP_NODELAY) &&
      (!address.ipv6() || TurnOn(fd, IPPROTO_IPV6, IPV6_V6ONLY)) &&
      (!shared || (TurnOn(fd, SOL_SOCKET, SO_REUSEPORT) && TurnOn(fd, SOL_SOCKET, SO_REUSEADDR))) &&
      bind(fd.get(), address.get(), address.size()) == 0 && listen(fd.get(), kBacklog) == 0;
  if (!ready) return absl::ErrnoToStatus(errno, absl::StrCat("listening on ", address.text()));
  return fd;
}

}  // namespace sluice::core
