// Sharing a device's XDP hook with other programs through libxdp's dispatcher: opt-in, because it
// takes freplace, CAP_SYS_ADMIN and CAP_PERFMON, so it is for a privileged one-shot step. It has
// no bpf_link of ours to pin; libxdp keeps its own pins. One thread.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace sluice::packet {

// Whether this kernel and process may load freplace programs; says why not.
absl::Status ProbeFreplace();

// Puts vip_xdp, working on the maps pinned in `folder`, into the dispatcher of the device; if an
// older one of ours is there, it is taken out after. The programs behind ours see what passes.
absl::Status AttachSharedXdp(const std::string& folder, int ifindex);

// Takes ours out of the device's dispatcher; nothing happens if there is none.
absl::Status DetachSharedXdp(int ifindex);

}  // namespace sluice::packet
