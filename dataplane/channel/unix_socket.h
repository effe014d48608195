// Unix stream sockets by path, and who is at the other end. Stateless; any thread.
#pragma once

#include <sys/types.h>

#include <string>

#include "absl/status/statusor.h"
#include "dataplane/core/fd.h"

namespace sluice::channel {

// Beside the agent's socket: the one that its liveness thread listens on, so that neither side's
// main thread can delay a ping.
inline std::string PulsePath(const std::string& agent_socket) { return agent_socket + ".pulse"; }

// Listens on `path` with rights `mode`; a socket file that a dead process left is replaced, one
// that answers is not (AlreadyExists), nor is any other kind of file. Non-blocking.
absl::StatusOr<core::Fd> ListenUnix(const std::string& path, mode_t mode);

// Non-blocking; a Unix connect succeeds or fails at once (Unavailable: nobody listens).
absl::StatusOr<core::Fd> ConnectUnix(const std::string& path);

struct PeerCredentials {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};

// SO_PEERCRED: as they were when the peer connected or listened.
absl::StatusOr<PeerCredentials> PeerOf(int socket);

}  // namespace sluice::channel
