// Listening sockets for clients, all alike.
#pragma once

#include "absl/status/statusor.h"
#include "dataplane/core/address.h"
#include "dataplane/core/fd.h"

namespace sluice::core {

// Non-blocking and listening. Accepted sockets inherit TCP_NODELAY: we gather in user space, and an
// answer in two writes must not wait 40 ms for the client's delayed acknowledgement of the first.
// `shared`: several sockets listen on one address, and the kernel spreads connections (workers).
// The error names the address.
absl::StatusOr<Fd> ListenTcp(const Address& address, bool shared);

}  // namespace sluice::core
