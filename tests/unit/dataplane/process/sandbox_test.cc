// Enters the sandbox in a child process and tries what must fail, and what must go on working.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/process/capabilities.h"
#include "dataplane/process/hardening.h"
#include "dataplane/process/landlock.h"
#include "dataplane/process/seccomp.h"

namespace sluice::process {
namespace {

// Runs `work` in a child; its report, "" being success.
std::string InChild(const std::function<std::string()>& work) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return "pipe2";
  const pid_t pid = ::fork();
  if (pid == 0) {
    const std::string report = work();
    if (::write(ends[1], report.data(), report.size()) < 0) ::_exit(2);
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string report;
  char buffer[4096];
  for (ssize_t n; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;) report.append(buffer, n);
  ::close(ends[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (status != 0) report += "child ended with status " + std::to_string(status);
  return report;
}

std::string Enter() {
  for (const absl::Status& step : {DisableCoreDumps(), TrimBoundingSet(0), KeepOnly(0).status(),
                                   SetNoNewPrivileges(), InstallSeccomp(Assemble(ProxyPolicy()))}) {
    if (!step.ok()) return std::string(step.message()) + "\n";
  }
  return "";
}

struct Attempt {
  const char* name;
  int expected_errno;  // 0: must work
  std::function<long()> call;
};

std::string Try(const std::vector<Attempt>& attempts) {
  std::string report = Enter();
  for (const Attempt& attempt : attempts) {
    errno = 0;
    const long result = attempt.call();
    const int got = result < 0 ? errno : 0;
    if (got != attempt.expected_errno) {
      report += std::string(attempt.name) + ": " + ::strerror(got) + "\n";
    }
  }
  return report;
}

TEST(Sandbox, DeniesWhatAnIntruderWants) {
  static char* const kNoArguments[] = {nullptr};
  const std::vector<Attempt> attempts = {
      {"execve", EPERM, [] { return ::execve("/bin/true", kNoArguments, kNoArguments); }},
      {"execveat", EPERM,
       [] { return ::syscall(SYS_execveat, -1, "/bin/true", nullptr, nullptr, 0); }},
      {"fork", EPERM, [] { return ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }},
      {"clone3 seems absent", ENOSYS, [] { return ::syscall(SYS_clone3, nullptr, 0); }},
      {"ptrace", EPERM, [] { return ::ptrace(PTRACE_TRACEME, 0, 0, 0); }},
      {"process_vm_readv", EPERM,
       [] { return ::syscall(SYS_process_vm_readv, 1, nullptr, 0, nullptr, 0, 0); }},
      {"bpf", EPERM, [] { return ::syscall(SYS_bpf, 0, nullptr, 0); }},
      {"mount", EPERM, [] { return ::mount("none", "/tmp", "tmpfs", 0, nullptr); }},
      {"unshare", EPERM, [] { return ::unshare(CLONE_NEWUSER); }},
      {"setns", EPERM, [] { return ::setns(0, 0); }},
      {"setuid", EPERM, [] { return ::syscall(SYS_setuid, 0); }},
      {"packet socket", EPERM, [] { return ::socket(AF_PACKET, SOCK_RAW, 0); }},
      {"netlink socket", EPERM, [] { return ::socket(AF_NETLINK, SOCK_RAW, 0); }},
      {"vsock socket", EPERM, [] { return ::socket(AF_VSOCK, SOCK_STREAM, 0); }},
      {"alg socket", EPERM, [] { return ::socket(AF_ALG, SOCK_SEQPACKET, 0); }},
      {"listen", EPERM, [] { return ::listen(0, 1); }},
      {"bind", EPERM, [] { return ::bind(0, nullptr, 0); }},
      {"io_uring", EPERM, [] { return ::syscall(SYS_io_uring_setup, 1, nullptr); }},
      {"userfaultfd", EPERM, [] { return ::syscall(SYS_userfaultfd, 0); }},
      {"perf_event_open", EPERM,
       [] { return ::syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0); }},
      {"keyctl", EPERM, [] { return ::syscall(SYS_keyctl, 0, 0, 0, 0, 0); }},
      {"memfd_create", EPERM, [] { return ::syscall(SYS_memfd_create, "x", 0); }},
      {"open for writing", EPERM, [] { return ::open("/tmp/sluice-sandbox-test", O_WRONLY); }},
      {"open for reading and writing", EPERM, [] { return ::open("/dev/null", O_RDWR); }},
      {"create", EPERM,
       [] { return ::open("/tmp/sluice-sandbox-test", O_RDONLY | O_CREAT, 0600); }},
      {"truncate", EPERM, [] { return ::open("/dev/null", O_RDONLY | O_TRUNC); }},
      {"unlink", EPERM, [] { return ::unlink("/tmp/sluice-sandbox-test"); }},
      {"mkdir", EPERM, [] { return ::mkdir("/tmp/sluice-sandbox-test", 0700); }},
      {"chmod", EPERM, [] { return ::chmod("/tmp", 0777); }},
      {"kill", EPERM, [] { return ::kill(::getppid(), SIGTERM); }},
      {"executable memory", EPERM,
       [] {
         return ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                        MAP_FAILED
                    ? -1L
                    : 0L;
       }},
      {"raising a limit", EPERM,
       [] {
         const rlimit limit{1, 1};
         return ::setrlimit(RLIMIT_CORE, &limit);
       }},
      {"becoming dumpable", EPERM, [] { return ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); }},
  };
  EXPECT_EQ(InChild([&] { return Try(attempts); }), "");
}

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSanitizer = true;
#else
constexpr bool kSanitizer = false;
#endif

TEST(Sandbox, AllowsWhatTheProxyDoes) {
  if (kSanitizer) GTEST_SKIP() << "sanitizers make system calls of their own";
  const std::vector<Attempt> attempts = {
      {"tcp socket", 0,
       [] { return ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }},
      {"tcp6 socket", 0, [] { return ::socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0); }},
      {"unix socket", 0, [] { return ::socket(AF_UNIX, SOCK_STREAM, 0); }},
      {"epoll", 0, [] { return ::epoll_create1(EPOLL_CLOEXEC); }},
      {"timer", 0, [] { return ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK); }},
      {"memory", 0,
       [] {
         return ::mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                       0) == MAP_FAILED
                    ? -1L
                    : 0L;
       }},
      {"thread", 0,
       [] {
         int done = 0;
         std::thread([&] { done = 1; }).join();
         return done - 1L;
       }},
      {"reading a file", 0, [] { return ::open("/proc/self/stat", O_RDONLY | O_CLOEXEC); }},
      {"reading a limit", 0,
       [] {
         rlimit limit;
         return ::getrlimit(RLIMIT_NOFILE, &limit);
       }},
      {"allocating", 0,
       [] {
         std::vector<std::string> all(1000, std::string(10'000, 'x'));
         return all.empty() ? -1L : 0L;
       }},
  };
  EXPECT_EQ(InChild([&] { return Try(attempts); }), "");
}

TEST(Sandbox, TheKernelReportsIt) {
  // PR_SET_DUMPABLE 0 makes /proc/self/status root's: it is opened before and read after.
  const std::string report = InChild([]() -> std::string {
    const int file = ::open("/proc/self/status", O_RDONLY);
    std::string entered = Enter();
    char buffer[8192];
    const ssize_t size = ::read(file, buffer, sizeof buffer);
    const auto privileges = ParsePrivileges(std::string_view(buffer, size > 0 ? size : 0));
    if (!privileges.ok()) return entered + std::string(privileges.status().message());
    const Privileges expected{.uid = privileges->uid,
                              .gid = privileges->gid,
                              .no_new_privileges = true,
                              .seccomp_mode = 2};
    rlimit core{1, 1};
    ::getrlimit(RLIMIT_CORE, &core);
    if (core.rlim_max != 0) entered += "core dumps are possible\n";
    if (::prctl(PR_GET_DUMPABLE) != 0) entered += "dumpable\n";
    return *privileges == expected ? entered : entered + std::string(buffer, size);
  });
  EXPECT_EQ(report, "");
}

TEST(Sandbox, LandlockLeavesOnlyTheNamedFolderReadable) {
  const std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) / "sluice_landlock";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "file") << "x";
  const std::string report = InChild([&]() -> std::string {
    if (absl::Status step = SetNoNewPrivileges(); !step.ok()) return std::string(step.message());
    const auto entered = RestrictFiles(std::vector<std::string>{folder.string()});
    if (!entered.ok()) return std::string(entered.status().message());
    if (!*entered) return "skip";
    std::string wrong;
    if (::open((folder / "file").c_str(), O_RDONLY) < 0) wrong += "cannot read what is allowed\n";
    if (::open((folder / "file").c_str(), O_WRONLY) >= 0) wrong += "can write\n";
    if (::open((folder / "new").c_str(), O_RDWR | O_CREAT, 0600) >= 0) wrong += "can create\n";
    if (::open("/etc/passwd", O_RDONLY) >= 0) wrong += "can read elsewhere\n";
    return wrong;
  });
  std::filesystem::remove_all(folder);
  if (report == "skip") GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_EQ(report, "");
}

TEST(Sandbox, LandlockNamesAFolderThatDoesNotExist) {
  EXPECT_EQ(InChild([]() -> std::string {
              if (absl::Status step = SetNoNewPrivileges(); !step.ok())
                return std::string(step.message());
              const auto entered = RestrictFiles(std::vector<std::string>{"/nonexistent/folder"});
              if (entered.ok()) return *entered ? "entered" : "";
              const bool named =
                  entered.status().message().find("/nonexistent/folder") != std::string::npos;
              return named ? "" : std::string(entered.status().message());
            }),
            "");
}

}  // namespace
}  // namespace sluice::process
