#include "control/publish/last_good.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace sluice::publish {
namespace {

channel::Update SomeUpdate() {
  channel::Update update;
  update.set_generation(7);
  update.add_added("part");
  update.mutable_certificates()->add_certificates()->set_key_pem("secret");
  return update;
}

class LastGood : public ::testing::Test {
 protected:
  LastGood() {
    char folder[] = "/dev/shm/sluice-last-good-XXXXXX";
    if (::mkdtemp(folder) != nullptr) folder_ = folder;
  }
  ~LastGood() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  void SetUp() override {
    if (folder_.empty()) GTEST_SKIP() << "/dev/shm is not there";
  }
  std::string path() const { return folder_ + "/last-good"; }

  std::string folder_;
};

TEST_F(LastGood, ComesBackAsItWasSaved) {
  ASSERT_TRUE(SaveLastGood(path(), SomeUpdate()).ok());
  const auto loaded = LoadLastGood(path());
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->update().SerializeAsString(), SomeUpdate().SerializeAsString());
}

TEST_F(LastGood, OnlyItsOwnerMayReadIt) {
  ASSERT_TRUE(SaveLastGood(path(), SomeUpdate()).ok());
  struct stat about = {};
  ASSERT_EQ(::stat(path().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  ASSERT_EQ(::chmod(path().c_str(), 0640), 0);
  EXPECT_TRUE(absl::IsPermissionDenied(LoadLastGood(path()).status()));
}

TEST_F(LastGood, NothingSavedAndNothingUseful) {
  EXPECT_TRUE(absl::IsNotFound(LoadLastGood(path()).status()));
  std::ofstream(path()) << "no generation";
  ASSERT_EQ(::chmod(path().c_str(), 0600), 0);
  EXPECT_TRUE(absl::IsDataLoss(LoadLastGood(path()).status()));
  ASSERT_TRUE(std::filesystem::remove(path()));
  std::filesystem::create_symlink("/etc/hostname", path());
  EXPECT_FALSE(LoadLastGood(path()).ok());
}

TEST(LastGoodElsewhere, KeysGoIntoMemoryOnly) {
  EXPECT_TRUE(absl::IsFailedPrecondition(SaveLastGood("/proc/last-good", SomeUpdate())));
}

}  // namespace
}  // namespace sluice::publish
