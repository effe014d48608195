// Starts the real `sluice`, in a mount namespace of its own, over two scripts that write down what
// the kernel says of them.
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "control/launcher/stage.h"
#include "dataplane/process/capabilities.h"

namespace sluice::launcher {
namespace {

using process::Privileges;

constexpr process::CapabilityMask kNeeded =
    kLauncherBounding | process::MaskOf(process::Capability::kSysAdmin);

class LaunchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto current = process::CurrentCapabilities();
    ASSERT_TRUE(current.ok());
    if (::geteuid() != 0 || (current->effective & kNeeded) != kNeeded) GTEST_SKIP() << "needs root";
    std::string name = "/tmp/sluice_launchXXXXXX";
    folder_ = ::mkdtemp(name.data());
    ::chmod(folder_.c_str(), 0777);
    WriteScript("agent");
    WriteScript("proxy");
  }

  void TearDown() override {
    if (pid_ > 0) Stop();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  // Each start replaces NAME.status, .core, .pid and .args in the folder.
  void WriteScript(const std::string& name) const {
    const std::string path = absl::StrCat(folder_, "/", name);
    std::ofstream(path) << "#!/bin/sh\ncd " << folder_ << "\numask 022\n"
                        << "cat /proc/self/status > " << name << ".status\n"
                        << "ulimit -Hc > " << name << ".core\n"
                        << "echo \"$*\" > " << name << ".args\n"
                        << "trap 'echo hup > " << name << ".hup' HUP\n"
                        << "trap 'exit 0' TERM\n"
                        << "echo $$ > new." << name << " && mv new." << name << " " << name
                        << ".pid\n"
                        << "while :; do sleep 0.01; done\n";
    ::chmod(path.c_str(), 0755);
  }

  void Launch() {
    pid_ = ::fork();
    if (pid_ != 0) return;
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      ::_exit(99);
    const std::string agent = folder_ + "/agent", proxy = folder_ + "/proxy",
                      run = folder_ + "/run", bpffs = folder_ + "/bpf";
    ::execl(SLUICE_PROGRAM, "sluice", "--user", "65532", "--run-dir", run.c_str(), "--bpffs",
            bpffs.c_str(), "--agent-program", agent.c_str(), "--proxy-program", proxy.c_str(),
            "--manifests", "/m", "--", "--workers", "3", nullptr);
    ::_exit(98);
  }

  int Stop() {
    ::kill(pid_, SIGTERM);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return status;
  }

  std::string Read(const std::string& file) const {
    std::ifstream in(folder_ + "/" + file);
    return std::string(
        absl::StripSuffix(std::string(std::istreambuf_iterator<char>(in), {}), "\n"));
  }

  // Waits until `file` is there and differs from `not_this`.
  std::string Await(const std::string& file, const std::string& not_this = "") const {
    for (int i = 0; i < 20'000; ++i) {
      if (std::string text = Read(file); !text.empty() && text != not_this) return text;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return "";
  }

  std::string folder_;
  pid_t pid_ = 0;
};

TEST_F(LaunchTest, EachProcessHasItsOwnPrivilegesAndNoOthers) {
  Launch();
  ASSERT_NE(Await("agent.pid"), "");
  ASSERT_NE(Await("proxy.pid"), "");
  EXPECT_EQ(process::ReadPrivileges(absl::StrCat(pid_)).value(),
            (Privileges{.permitted = kLauncherCapabilities,
                        .effective = kLauncherCapabilities,
                        .bounding = kLauncherBounding}));
  EXPECT_EQ(process::ParsePrivileges(Read("agent.status")).value(),
            (Privileges{.permitted = kAgentCapabilities,
                        .effective = kAgentCapabilities,
                        .bounding = kAgentCapabilities,
                        .no_new_privileges = true}));
  EXPECT_EQ(process::ParsePrivileges(Read("proxy.status")).value(),
            (Privileges{.uid = 65532, .gid = 65532, .no_new_privileges = true}));
  EXPECT_EQ(Read("agent.core"), "0");
  EXPECT_EQ(Read("proxy.core"), "0");
  EXPECT_EQ(Read("agent.args"), absl::StrCat("--run-dir ", folder_, "/run --bpffs ", folder_,
                                             "/bpf --proxy-uid 65532 --manifests /m"));
  EXPECT_EQ(Read("proxy.args"),
            absl::StrCat("--supervise --agent-socket ", folder_, "/run/proxy.sock --workers 3"));
  EXPECT_EQ(Stop(), 0);
}

TEST_F(LaunchTest, TheRunDirIsForRootAndTheProxyOnly) {
  Launch();
  ASSERT_NE(Await("agent.pid"), "");
  struct stat about = {};
  ASSERT_EQ(::stat((folder_ + "/run").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0750u);
  EXPECT_EQ(about.st_uid, 0u);
  EXPECT_EQ(about.st_gid, 65532u);
}

TEST_F(LaunchTest, MountsABpffsWhereThereIsNone) {
  Launch();
  ASSERT_NE(Await("agent.pid"), "");
  std::ifstream mounts(absl::StrCat("/proc/", pid_, "/mounts"));
  const std::string text(std::istreambuf_iterator<char>(mounts), {});
  EXPECT_NE(text.find(folder_ + "/bpf bpf "), std::string::npos) << text;
}

TEST_F(LaunchTest, StartsAgainWhicheverDiesAndLeavesTheOther) {
  Launch();
  for (const auto& [victim, other] : {std::pair{"agent", "proxy"}, std::pair{"proxy", "agent"}}) {
    const std::string before = Await(absl::StrCat(victim, ".pid"));
    const std::string untouched = Await(absl::StrCat(other, ".pid"));
    int pid = 0;
    ASSERT_TRUE(absl::SimpleAtoi(before, &pid));
    ASSERT_EQ(::kill(pid, SIGKILL), 0);
    EXPECT_NE(Await(absl::StrCat(victim, ".pid"), before), "");
    EXPECT_EQ(Read(absl::StrCat(other, ".pid")), untouched);
  }
}

TEST_F(LaunchTest, PassesHangupToBoth) {
  Launch();
  ASSERT_NE(Await("agent.pid"), "");
  ASSERT_NE(Await("proxy.pid"), "");
  ::kill(pid_, SIGHUP);
  EXPECT_EQ(Await("agent.hup"), "hup");
  EXPECT_EQ(Await("proxy.hup"), "hup");
}

}  // namespace
}  // namespace sluice::launcher
