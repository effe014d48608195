#include "control/agent/known_nodes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace sluice::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class KnownNodesTest : public ::testing::Test {
 protected:
  KnownNodesTest() {
    std::string name = "/tmp/sluice_nodesXXXXXX";
    folder_ = ::mkdtemp(name.data());
    path_ = folder_ + "/nodes";
  }
  ~KnownNodesTest() override { std::filesystem::remove_all(folder_); }

  std::string folder_, path_;
};

TEST_F(KnownNodesTest, AreKeptOverARestart) {
  EXPECT_THAT(ReadKnownNodes(path_), IsEmpty());
  ASSERT_TRUE(WriteKnownNodes(path_, {"a", "b.example"}).ok());
  EXPECT_THAT(ReadKnownNodes(path_), ElementsAre("a", "b.example"));
  ASSERT_TRUE(WriteKnownNodes(path_, {}).ok());
  EXPECT_THAT(ReadKnownNodes(path_), IsEmpty());
}

TEST_F(KnownNodesTest, LeavesOutWhatIsNoName) {
  std::ofstream(path_) << "a\n\nwith a blank\n" << std::string(254, 'x') << "\nb";
  EXPECT_THAT(ReadKnownNodes(path_), ElementsAre("a", "b"));
}

TEST_F(KnownNodesTest, ReadsNoMoreThanThereCanBe) {
  std::ofstream file(path_);
  for (int i = 0; i < 1000; ++i) file << "n" << i << "\n";
  file.close();
  EXPECT_THAT(ReadKnownNodes(path_), SizeIs(64));
}

}  // namespace
}  // namespace sluice::agent
