// The system calls that a process may still make, as a seccomp-BPF filter assembled by hand.
// Everything that is not on the list fails with EPERM: a library that probes for something exotic
// must not become a crash that traffic can trigger. Another architecture's call numbers kill.
// Threads: install before starting any; threads inherit the filter.
// Invariant: rules on arguments look at the low 32 bits of integer arguments only, never at memory.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"

namespace sluice::process {

// One row: system call `number` is allowed if (argument & mask) equals one of `values`; with no
// values it is allowed always. More than one argument to look at: `also` in a second row is an or,
// not an and.
struct SyscallRule {
  int number = -1;
  int argument = 0;
  uint32_t mask = 0;
  std::vector<uint32_t> values;
};

// Calls that must seem absent, so that the C library falls back to an older call whose arguments a
// filter can see (clone3 -> clone).
struct SeccompPolicy {
  std::vector<SyscallRule> allowed;
  std::vector<int> absent;  // ENOSYS
};

// What sluice-proxy needs once it has started: its sockets, epoll, memory, threads, reading files.
// No exec, no fork, no ptrace, no bpf, no mount, no socket family but INET, INET6 and UNIX streams,
// no file opened for writing.
SeccompPolicy ProxyPolicy();

std::vector<sock_filter> Assemble(const SeccompPolicy& policy);

// Needs no_new_privs. REQUIRES: the process has one thread.
absl::Status InstallSeccomp(std::span<const sock_filter> filter);

}  // namespace sluice::process
