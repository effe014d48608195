#include "dataplane/channel/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace sluice::channel {
namespace {

constexpr int kType = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
constexpr int kBacklog = 16;

absl::StatusOr<sockaddr_un> Address(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError(absl::StrCat("not a socket path (1 to 107 bytes): ", path));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

absl::Status RemoveStale(const std::string& path) {
  struct stat about = {};
  if (::lstat(path.c_str(), &about) != 0) {
    return errno == ENOENT ? absl::OkStatus()
                           : absl::ErrnoToStatus(errno, absl::StrCat("looking at ", path));
  }
  if (!S_ISSOCK(about.st_mode))
    return absl::FailedPreconditionError(absl::StrCat(path, " is not a socket"));
  if (ConnectUnix(path).ok())
    return absl::AlreadyExistsError(absl::StrCat("somebody listens on ", path));
  if (::unlink(path.c_str()) != 0)
    return absl::ErrnoToStatus(errno, absl::StrCat("removing ", path));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<core::Fd> ListenUnix(const std::string& path, mode_t mode) {
  absl::StatusOr<sockaddr_un> address = Address(path);
  if (!address.ok()) return address.status();
  if (absl::Status removed = RemoveStale(path); !removed.ok()) return removed;
  core::Fd socket(::socket(AF_UNIX, kType, 0));
  if (!socket.valid()) return absl::ErrnoToStatus(errno, "making a Unix socket");
  // The rights of the descriptor are those that the file gets, so there is no moment of more.
  if (::fchmod(socket.get(), mode) != 0 ||
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("binding ", path));
  }
  if (::chmod(path.c_str(), mode) != 0)
    return absl::ErrnoToStatus(errno, absl::StrCat("changing the mode of ", path));
  if (::listen(socket.get(), kBacklog) != 0)
    return absl::ErrnoToStatus(errno, absl::StrCat("listening on ", path));
  return socket;
}

absl::StatusOr<core::Fd> ConnectUnix(const std::string& path) {
  absl::StatusOr<sockaddr_un> address = Address(path);
  if (!address.ok()) return address.status();
  core::Fd socket(::socket(AF_UNIX, kType, 0));
  if (!socket.valid()) return absl::ErrnoToStatus(errno, "making a Unix socket");
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) == 0)
    return socket;
  if (errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN) {
    return absl::UnavailableError(absl::StrCat("nobody listens on ", path));
  }
  return absl::ErrnoToStatus(errno, absl::StrCat("connecting to ", path));
}

absl::StatusOr<PeerCredentials> PeerOf(int socket) {
  ucred credentials = {};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return absl::ErrnoToStatus(errno, "asking who the peer is");
  }
  return PeerCredentials{credentials.pid, credentials.uid, credentials.gid};
}

}  // namespace sluice::channel
