// Linux capabilities of the calling thread, by raw system calls (no libcap).
// Threads: capabilities are per thread; call these before the process starts any.
// Invariant: a set is a bit mask indexed by capability number, as /proc/PID/status prints it.
// Flow: the first steps of every program's main; see docs on processes and privileges.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace sluice::process {

using CapabilityMask = uint64_t;

// Numbers of <linux/capability.h>; named here because old distribution headers lack the last two.
enum class Capability : int {
  kKill = 5,
  kSetGid = 6,
  kSetUid = 7,
  kSetPcap = 8,
  kNetAdmin = 12,
  kSysAdmin = 21,
  kPerfmon = 38,
  kBpf = 39,
};

constexpr CapabilityMask MaskOf(Capability capability) {
  return CapabilityMask{1} << static_cast<int>(capability);
}
constexpr CapabilityMask MaskOf(std::initializer_list<Capability> capabilities) {
  CapabilityMask mask = 0;
  for (Capability c : capabilities) mask |= MaskOf(c);
  return mask;
}

// "CAP_BPF"; numbers that this build does not know by name print as "CAP_41".
std::string NameOf(int capability);
// "CAP_KILL, CAP_BPF"; "none" for 0.
std::string Describe(CapabilityMask mask);

struct Capabilities {
  CapabilityMask permitted = 0;
  CapabilityMask effective = 0;
  CapabilityMask inheritable = 0;

  bool operator==(const Capabilities&) const = default;
};

absl::StatusOr<Capabilities> CurrentCapabilities();
absl::Status SetCapabilities(const Capabilities& wanted);

// Takes out of the bounding set all but `keep`. Needs CAP_SETPCAP for each bit that is still in
// it; a set that is already within `keep` needs nothing (a container that was given just these).
absl::Status TrimBoundingSet(CapabilityMask keep);

// Keeps those of `wanted` that are permitted, in both sets, and clears inheritable and ambient.
// Returns what it kept, so that a caller can say which one it misses.
absl::StatusOr<CapabilityMask> KeepOnly(CapabilityMask wanted);

// What the kernel says of a process: the lines of /proc/PID/status that speak of privilege.
struct Privileges {
  uint32_t uid = 0;  // effective
  uint32_t gid = 0;
  CapabilityMask inheritable = 0, permitted = 0, effective = 0, bounding = 0, ambient = 0;
  bool no_new_privileges = false;
  int seccomp_mode = 0;  // 0 none, 2 filter

  bool operator==(const Privileges&) const = default;
};

// `pid` is a number or "self".
absl::StatusOr<Privileges> ReadPrivileges(std::string_view pid);
// Of the text of /proc/PID/status.
absl::StatusOr<Privileges> ParsePrivileges(std::string_view status_text);

}  // namespace sluice::process
