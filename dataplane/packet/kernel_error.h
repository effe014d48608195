// Errors of the kernel's BPF and netlink interfaces in words: what was tried, on what, and what is
// missing (a capability, a kernel feature, a mount). Any thread.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace sluice::packet {

// The status for `error` (an errno, positive or negative) from doing `what`, e.g. "attaching
// vip_ingress to eth0". EPERM names the capability that this process lacks, if it lacks one.
absl::Status KernelError(int error, std::string_view what);

// "CAP_BPF, CAP_NET_ADMIN": those of the two that this thread lacks; empty if none.
std::string MissingCapabilities();

}  // namespace sluice::packet
