#include "dataplane/process/seccomp.h"

#include <asm/ioctls.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstddef>

namespace sluice::process {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "sluice runs on amd64 and arm64"
#endif
static_assert(std::endian::native == std::endian::little,
              "the low half of an argument comes first");

constexpr int kPrSetVma = 0x53564d41;  // names of anonymous memory (glibc, allocators)

sock_filter Load(uint32_t offset) { return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset); }
sock_filter Return(uint32_t action) { return BPF_STMT(BPF_RET | BPF_K, action); }
sock_filter JumpIfEqual(uint32_t value, uint8_t yes, uint8_t no) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no);
}

uint32_t ArgumentOffset(int argument) {
  return static_cast<uint32_t>(offsetof(seccomp_data, args) + 8 * argument);
}

// The accumulator holds the call number on entry, and again on exit.
void AppendRule(const SyscallRule& rule, std::vector<sock_filter>& out) {
  if (rule.values.empty()) {
    out.push_back(JumpIfEqual(rule.number, 0, 1));
    out.push_back(Return(SECCOMP_RET_ALLOW));
    return;
  }
  // jeq number, else skip: load, and, (jeq value, ret allow) x n, load number
  const auto body = static_cast<uint8_t>(2 + 2 * rule.values.size() + 1);
  out.push_back(JumpIfEqual(rule.number, 0, body));
  out.push_back(Load(ArgumentOffset(rule.argument)));
  out.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, rule.mask));
  for (uint32_t value : rule.values) {
    out.push_back(JumpIfEqual(value, 0, 1));
    out.push_back(Return(SECCOMP_RET_ALLOW));
  }
  out.push_back(Load(offsetof(seccomp_data, nr)));
}

}  // namespace

SeccompPolicy ProxyPolicy() {
  constexpr uint32_t kAll = ~uint32_t{0};
  SeccompPolicy policy;
  const auto allow = [&](std::initializer_list<int> numbers) {
    for (int number : numbers) policy.allowed.push_back({.number = number});
  };
  // Sockets. Nothing binds or listens here: listening sockets come from the agent, or were made
  // before the sandbox.
  allow({SYS_read, SYS_readv, SYS_write, SYS_writev, SYS_recvfrom, SYS_recvmsg, SYS_sendto,
         SYS_sendmsg, SYS_accept4, SYS_connect, SYS_shutdown, SYS_close, SYS_getsockname,
         SYS_getpeername, SYS_getsockopt, SYS_setsockopt, SYS_dup, SYS_fcntl});
  policy.allowed.push_back({SYS_socket, 0, kAll, {AF_INET, AF_INET6, AF_UNIX}});
  policy.allowed.push_back({SYS_ioctl, 1, kAll, {FIONREAD, FIONBIO, TCGETS}});
  // Waiting.
  allow({SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_pwait, SYS_eventfd2, SYS_timerfd_create,
         SYS_timerfd_settime, SYS_ppoll, SYS_futex, SYS_nanosleep, SYS_clock_nanosleep,
         SYS_clock_gettime, SYS_clock_getres, SYS_gettimeofday, SYS_sched_yield,
         SYS_restart_syscall});
#ifdef SYS_epoll_pwait2
  allow({SYS_epoll_pwait2});
#endif
  // Memory. Never writable and executable at once, and never made executable.
  allow({SYS_munmap, SYS_mremap, SYS_madvise, SYS_brk, SYS_mlock, SYS_munlock, SYS_getrandom});
  policy.allowed.push_back({SYS_mmap, 2, PROT_EXEC, {0}});
  policy.allowed.push_back({SYS_mprotect, 2, PROT_EXEC, {0}});
  // Threads, but no new process: clone only with CLONE_THREAD; clone3 hides its flags in memory.
  policy.allowed.push_back({SYS_clone, 0, CLONE_THREAD, {CLONE_THREAD}});
  policy.absent.push_back(SYS_clone3);
  allow({SYS_set_robust_list, SYS_set_tid_address, SYS_rseq, SYS_sched_setaffinity,
         SYS_sched_getaffinity, SYS_getcpu, SYS_membarrier, SYS_exit, SYS_exit_group});
  policy.allowed.push_back(
      {SYS_prctl, 0, kAll, {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, kPrSetVma}});
  // Signals to itself (abort) and their handlers.
  allow({SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack, SYS_signalfd4,
         SYS_tgkill, SYS_gettid, SYS_getpid});
  // Files, read only.
  policy.allowed.push_back({SYS_openat,
                            2,
                            O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY),
                            {O_RDONLY}});
  allow({SYS_newfstatat, SYS_fstat, SYS_statx, SYS_lseek, SYS_pread64, SYS_getdents64, SYS_getcwd,
         SYS_readlinkat});
  // Looking at oneself.
  allow({SYS_getuid, SYS_geteuid, SYS_getgid, SYS_getegid, SYS_getppid, SYS_getrusage, SYS_uname,
         SYS_sysinfo});
  policy.allowed.push_back({SYS_prlimit64, 2, kAll, {0}});  // read limits, set none
#if defined(__x86_64__)                                     // older spellings that arm64 never had
  allow({SYS_epoll_wait, SYS_poll, SYS_time, SYS_stat, SYS_lstat, SYS_readlink, SYS_access});
  policy.allowed.push_back({SYS_open, 1, O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND, {O_RDONLY}});
#endif
  return policy;
}

std::vector<sock_filter> Assemble(const SeccompPolicy& policy) {
  std::vector<sock_filter> filter = {
      Load(offsetof(seccomp_data, arch)),
      JumpIfEqual(kArchitecture, 1, 0),
      Return(SECCOMP_RET_KILL_PROCESS),
      Load(offsetof(seccomp_data, nr)),
  };
  for (const SyscallRule& rule : policy.allowed) AppendRule(rule, filter);
  for (int number : policy.absent) {
    filter.push_back(JumpIfEqual(number, 0, 1));
    filter.push_back(Return(SECCOMP_RET_ERRNO | ENOSYS));
  }
  filter.push_back(Return(SECCOMP_RET_ERRNO | EPERM));
  return filter;
}

absl::Status InstallSeccomp(std::span<const sock_filter> filter) {
  const sock_fprog program{.len = static_cast<unsigned short>(filter.size()),
                           .filter = const_cast<sock_filter*>(filter.data())};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) {
    return absl::ErrnoToStatus(errno, "installing the seccomp filter");
  }
  return absl::OkStatus();
}

}  // namespace sluice::process
