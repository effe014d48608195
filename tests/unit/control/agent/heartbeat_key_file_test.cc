#include "control/agent/heartbeat_key_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace sluice::agent {
namespace {

class HeartbeatKeyFileTest : public ::testing::Test {
 protected:
  ~HeartbeatKeyFileTest() override { std::filesystem::remove_all(folder_); }

  // As editors and kubelets do: a new file in its place.
  void Write(const std::string& text) {
    const std::string part = path_ + ".part";
    std::ofstream(part) << text;
    std::filesystem::permissions(
        part, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    std::filesystem::rename(part, path_);
  }

  // Turns of the loop until it has looked at the file at least once more.
  void RunUntilLooked() {
    const uint64_t end = loop_.now_ms() + 60;
    while (loop_.now_ms() < end) loop_.RunOnce(5);
  }

  static std::string MakeFolder() {
    std::string name = "/tmp/sluice_keysXXXXXX";
    return ::mkdtemp(name.data());
  }

  const std::string folder_ = MakeFolder();
  const std::string path_ = folder_ + "/key";
  core::EventLoop loop_;
  std::vector<size_t> given_;  // how many keys, each time
  HeartbeatKeyFile file_{loop_, path_,
                         [this](election::HeartbeatKeys keys) { given_.push_back(keys.size()); },
                         absl::Milliseconds(10)};
};

TEST_F(HeartbeatKeyFileTest, AMissingFileIsAnErrorOfTheStart) {
  EXPECT_EQ(file_.Start().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(given_.empty());
}

TEST_F(HeartbeatKeyFileTest, TakesUpNewKeysAndKeepsThemWhenTheFileIsBad) {
  Write("the-first-key-of-this-lan\n");
  ASSERT_TRUE(file_.Start().ok());
  EXPECT_EQ(given_, (std::vector<size_t>{1}));
  Write("the-second-key-of-this-lan\nthe-first-key-of-this-lan\n");
  RunUntilLooked();
  EXPECT_EQ(given_, (std::vector<size_t>{1, 2}));
  Write("short\n");
  RunUntilLooked();
  EXPECT_EQ(given_, (std::vector<size_t>{1, 2}));
}

}  // namespace
}  // namespace sluice::agent
