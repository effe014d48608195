#include "control/agent/state_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace sluice::agent {
namespace {

class StateFilesTest : public ::testing::Test {
 protected:
  StateFilesTest() {
    std::string name = "/tmp/sluice_stateXXXXXX";
    folder_ = ::mkdtemp(name.data());
    file_ = folder_ + "/file";
  }
  ~StateFilesTest() override { std::filesystem::remove_all(folder_); }

  std::string Read() const {
    std::ifstream in(file_);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  void Write(const std::string& text) const { std::ofstream(file_) << text; }

  std::string folder_, file_;
};

TEST_F(StateFilesTest, MakesFoldersWithTheirParents) {
  EXPECT_TRUE(MakeFolder(folder_ + "/a/b").ok());
  EXPECT_TRUE(MakeFolder(folder_ + "/a/b").ok());
  Write("x");
  EXPECT_FALSE(MakeFolder(file_ + "/a").ok());
}

TEST_F(StateFilesTest, OnlyOneHoldsTheLock) {
  auto lock = TakeLock(file_);
  ASSERT_TRUE(lock.ok()) << lock.status();
  const auto second = TakeLock(file_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(second.status().message(), "another sluice-agent runs: it holds " + file_);
  lock->Reset();
  EXPECT_TRUE(TakeLock(file_).ok());
}

TEST_F(StateFilesTest, TheLockOfAKilledProcessIsFree) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const auto lock = TakeLock(file_);
    if (::write(ends[1], lock.ok() ? "y" : "n", 1) != 1) ::_exit(1);
    ::pause();
    ::_exit(0);
  }
  char taken = 0;
  ASSERT_EQ(::read(ends[0], &taken, 1), 1);
  EXPECT_EQ(taken, 'y');
  EXPECT_FALSE(TakeLock(file_).ok());
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  EXPECT_TRUE(TakeLock(file_).ok());
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(StateFilesTest, FilesAreReplacedWhole) {
  ASSERT_TRUE(ReplaceFile(file_, "one").ok());
  std::ifstream old(file_);
  ASSERT_TRUE(ReplaceFile(file_, "two").ok());
  EXPECT_EQ(Read(), "two");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(old), {}),
            "one");  // who has it open sees the old one
  EXPECT_FALSE(ReplaceFile(folder_ + "/none/file", "x").ok());
}

TEST_F(StateFilesTest, AllocationsRoundTrip) {
  EXPECT_EQ(ReadAllocations(file_).value(), compile::Allocations{});
  const compile::Allocations allocations = {{"192.0.2.1", {"ns", "gw"}},
                                            {"2001:db8::1", {"other", "x.y"}}};
  ASSERT_TRUE(WriteAllocations(file_, allocations).ok());
  EXPECT_EQ(ReadAllocations(file_).value(), allocations);
}

TEST_F(StateFilesTest, ADamagedFileIsAnErrorWithItsLine) {
  for (const char* text :
       {"x\n", "192.0.2.1\n", "192.0.2.1 gw\n", "192.0.2.1 a/b/c\n", "192.0.2.1 /b\n"}) {
    Write(std::string("# comment\n\n") + text);
    EXPECT_EQ(ReadAllocations(file_).status().message(), file_ + ":3: not ADDRESS NAMESPACE/NAME")
        << text;
  }
}

}  // namespace
}  // namespace sluice::agent
