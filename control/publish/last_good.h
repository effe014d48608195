// The last good generation as a file, for an agent that starts while the API server is away: one
// complete Update with its private keys. So it is only ever written into memory (tmpfs), mode 0600,
// and goes with the machine's power (docs/decisions). One thread; blocks for the write.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/channel/channel.pb.h"

namespace sluice::publish {

inline constexpr size_t kMaxLastGoodBytes = size_t{256} << 20;

// FailedPrecondition: what is written beside `path` would outlive the machine's power.
absl::Status CheckInMemory(const std::string& path);

// Replaces the file whole. FailedPrecondition: the folder is not on a tmpfs; nothing was written.
absl::Status SaveLastGood(const std::string& path, const channel::Update& update);

// NotFound: there is none. PermissionDenied: not a file of ours that only we can read. Wipe what it
// returns (channel::WipeKeys).
absl::StatusOr<channel::Message> LoadLastGood(const std::string& path);

}  // namespace sluice::publish
