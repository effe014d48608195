// Runs a Supervisor in a child process over small shell scripts, and watches what they leave.
#include "dataplane/process/supervisor.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace sluice::process {
namespace {

using Clock = std::chrono::steady_clock;

class SupervisorTest : public ::testing::Test {
 protected:
  SupervisorTest() {
    std::string name = absl::StrCat(::testing::TempDir(), "/supervisorXXXXXX");
    folder_ = ::mkdtemp(name.data());
  }
  ~SupervisorTest() override {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    std::filesystem::remove_all(folder_);
  }

  void Start(const std::string& script, absl::Duration stop_timeout = absl::Seconds(20)) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_ = ::fork();
    if (pid_ != 0) return;
    Supervisor supervisor(
        {.children = {{.name = "script",
                       .program = "/bin/sh",
                       .argv = {"sh", "-c", absl::StrCat("cd ", folder_, "; ", script)}}},
         .stop_timeout = stop_timeout});
    ::_exit(supervisor.Run());
  }

  std::vector<std::string> Lines(const std::string& file) const {
    std::ifstream in(folder_ + "/" + file);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }

  // Waits until `file` has at least `count` lines.
  std::vector<std::string> Await(const std::string& file, size_t count) const {
    const auto deadline = Clock::now() + std::chrono::seconds(20);
    while (Lines(file).size() < count && Clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return Lines(file);
  }

  int Wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return status;
  }

  std::string folder_;
  pid_t pid_ = 0;
};

TEST_F(SupervisorTest, StartsANewChildWithin50MsOfACrash) {
  Start("echo $$ >> pids; exec sleep 1000");
  const auto first = Await("pids", 1);
  ASSERT_EQ(first.size(), 1u);
  int crashed = 0;
  ASSERT_TRUE(absl::SimpleAtoi(first[0], &crashed));
  const auto killed = Clock::now();
  ASSERT_EQ(::kill(crashed, SIGSEGV), 0);
  ASSERT_EQ(Await("pids", 2).size(), 2u);
  EXPECT_LT(Clock::now() - killed, std::chrono::milliseconds(50));
  ::kill(pid_, SIGTERM);
  EXPECT_EQ(Wait(), 0);
}

TEST_F(SupervisorTest, ACrashLoopSlowsDown) {
  Start("echo x >> starts; exit 1");
  const auto begin = Clock::now();
  ASSERT_GE(Await("starts", 7).size(), 7u);  // waits of 0, 10, 20, 40, 80, 160 ms
  EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(310));
  ::kill(pid_, SIGTERM);
  EXPECT_EQ(Wait(), 0);
}

TEST_F(SupervisorTest, PassesSignalsOnAndWaitsForTheChild) {
  Start(
      "trap 'echo hup >> log' HUP; trap 'echo term >> log; exit 0' TERM; echo up >> log; "
      "while :; do sleep 0.01; done");
  ASSERT_EQ(Await("log", 1), (std::vector<std::string>{"up"}));
  ::kill(pid_, SIGHUP);
  ASSERT_EQ(Await("log", 2), (std::vector<std::string>{"up", "hup"}));
  ::kill(pid_, SIGTERM);
  EXPECT_EQ(Wait(), 0);
  EXPECT_EQ(Lines("log"), (std::vector<std::string>{"up", "hup", "term"}));
}

TEST_F(SupervisorTest, KillsAChildThatDoesNotStop) {
  Start("trap '' TERM; echo up >> log; while :; do sleep 0.01; done", absl::Milliseconds(100));
  ASSERT_EQ(Await("log", 1).size(), 1u);
  ::kill(pid_, SIGTERM);
  EXPECT_EQ(Wait(), 0);
}

TEST_F(SupervisorTest, DoesNotRepeatAUsageError) {
  Start("echo x >> starts; exit 64");
  EXPECT_EQ(WEXITSTATUS(Wait()), kExitUsage);
  EXPECT_EQ(Lines("starts").size(), 1u);
}

TEST_F(SupervisorTest, ReapsOrphansAsPid1Does) {
  // The grandchild is orphaned; the supervisor's process is its subreaper only if told so, so the
  // test asks for that in place of PID 1.
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    Supervisor supervisor(
        {.children = {
             {"script",
              "/bin/sh",
              {"sh", "-c",
               absl::StrCat("cd ", folder_,
                            "; (sh -c 'echo $PPID $$ >> orphan; exit 0' &) ; exec sleep 1000")}}}});
    ::_exit(supervisor.Run());
  }
  const auto lines = Await("orphan", 1);
  ASSERT_EQ(lines.size(), 1u);
  const std::vector<std::string> ids = absl::StrSplit(lines[0], ' ');
  const auto deadline = Clock::now() + std::chrono::seconds(10);
  while (std::filesystem::exists("/proc/" + ids[1]) && Clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_FALSE(std::filesystem::exists("/proc/" + ids[1])) << "a zombie is left";
  ::kill(pid_, SIGTERM);
  EXPECT_EQ(Wait(), 0);
}

TEST_F(SupervisorTest, ItsChildrenDieWithIt) {
  Start("echo $$ >> pids; exec sleep 1000");
  const auto lines = Await("pids", 1);
  ASSERT_EQ(lines.size(), 1u);
  int child = 0;
  ASSERT_TRUE(absl::SimpleAtoi(lines[0], &child));
  ::kill(pid_, SIGKILL);
  Wait();
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);  // we are the subreaper
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
}

}  // namespace
}  // namespace sluice::process
