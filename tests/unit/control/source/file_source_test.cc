#include "control/source/file_source.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sluice::source {
namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;

class FileSourceTest : public ::testing::Test {
 protected:
  FileSourceTest() {
    std::string name = "/tmp/sluice_sourceXXXXXX";
    outer_ = ::mkdtemp(name.data());
    folder_ = outer_ / "manifests";
    fs::create_directory(folder_);
  }
  ~FileSourceTest() override { fs::remove_all(outer_); }

  void StartSource() {
    source_ = std::make_unique<FileSource>(
        loop_, FileSourceOptions{.folder = folder_.string(), .retry = absl::Milliseconds(50)},
        [this](const SourceState&) { ++batches_; });
    ASSERT_TRUE(source_->Start().ok());
    batches_ = 0;
  }

  static std::string Namespaces(const Names& names) {
    std::string text;
    for (const std::string& name : names) {
      absl::StrAppend(&text, "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: ", name,
                      "}\n");
    }
    return text;
  }
  static void Write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }

  Names Found() const {
    Names names;
    for (const auto& [key, object] : source_->state().objects->All<gateway_api::Namespace>())
      names.insert(key.name);
    return names;
  }

  // Turns the loop until `done`; false after 10 s.
  bool Turn(const std::function<bool()>& done) {
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    while (!done() && absl::Now() < deadline) loop_.RunOnce(100);
    return done();
  }
  bool TurnUntilFound(const Names& names) {
    return Turn([&] { return Found() == names; });
  }

  fs::path outer_, folder_;
  core::EventLoop loop_;
  std::unique_ptr<FileSource> source_;
  int batches_ = 0;
};

TEST_F(FileSourceTest, SeesFilesWrittenChangedRenamedAndRemoved) {
  Write(folder_ / "a.yaml", Namespaces({"a"}));
  StartSource();
  EXPECT_EQ(Found(), (Names{"a"}));
  Write(folder_ / "b.yaml", Namespaces({"b"}));
  EXPECT_TRUE(TurnUntilFound({"a", "b"}));
  Write(folder_ / "a.yaml", Namespaces({"a", "c"}));
  EXPECT_TRUE(TurnUntilFound({"a", "b", "c"}));
  fs::rename(folder_ / "b.yaml", folder_ / "b.txt");
  EXPECT_TRUE(TurnUntilFound({"a", "c"}));
  fs::remove(folder_ / "a.yaml");
  EXPECT_TRUE(TurnUntilFound({}));
}

TEST_F(FileSourceTest, SeesFoldersThatAppearLater) {
  StartSource();
  fs::create_directories(folder_ / "x" / "y");
  Write(folder_ / "x" / "y" / "a.yaml", Namespaces({"a"}));
  EXPECT_TRUE(TurnUntilFound({"a"}));
  Write(folder_ / "x" / "y" / "a.yaml", Namespaces({"b"}));
  EXPECT_TRUE(TurnUntilFound({"b"}));
}

TEST_F(FileSourceTest, SeesTheSwapOfAKubernetesVolumeAsOneBatch) {
  fs::create_directory(folder_ / "..1");
  Write(folder_ / "..1" / "a.yaml", Namespaces({"a"}));
  fs::create_symlink("..1", folder_ / "..data");
  fs::create_symlink("..data/a.yaml", folder_ / "a.yaml");
  StartSource();
  ASSERT_EQ(Found(), (Names{"a"}));
  for (int i = 2; i < 5; ++i) {
    batches_ = 0;
    const std::string next = absl::StrCat("..", i), name = absl::StrCat("n", i);
    fs::create_directory(folder_ / next);
    Write(folder_ / next / "a.yaml", Namespaces({name}));
    fs::create_symlink(next, folder_ / "..data_tmp");
    fs::rename(folder_ / "..data_tmp", folder_ / "..data");
    fs::remove_all(folder_ / absl::StrCat("..", i - 1));
    EXPECT_TRUE(TurnUntilFound({name}));
    EXPECT_EQ(batches_, 1);
  }
}

TEST_F(FileSourceTest, SeesAFileBehindALinkChange) {
  Write(outer_ / "elsewhere.yaml", Namespaces({"a"}));
  fs::create_symlink("../elsewhere.yaml", folder_ / "a.yaml");
  StartSource();
  Write(outer_ / "elsewhere.yaml", Namespaces({"b"}));
  EXPECT_TRUE(TurnUntilFound({"b"}));
}

TEST_F(FileSourceTest, ABurstIsOneBatch) {
  StartSource();
  Names all;
  for (int i = 0; i < 100; ++i) {
    all.insert(absl::StrCat("n", i));
    Write(folder_ / absl::StrCat(i, ".yaml"), Namespaces({absl::StrCat("n", i)}));
  }
  EXPECT_TRUE(TurnUntilFound(all));
  EXPECT_EQ(batches_, 1);
}

TEST_F(FileSourceTest, ChangesThatNeverCeaseAreReadAllTheSame) {
  StartSource();
  int written = 0;
  const absl::Time begin = absl::Now();
  while (batches_ == 0 && absl::Now() - begin < absl::Seconds(10)) {
    Write(folder_ / "a.yaml", Namespaces({absl::StrCat("n", written++)}));
    loop_.RunOnce(5);
  }
  EXPECT_EQ(batches_, 1);
  EXPECT_GE(absl::Now() - begin, absl::Milliseconds(150));
}

TEST_F(FileSourceTest, WhatChangesNothingIsNoBatch) {
  Write(folder_ / "a.yaml", Namespaces({"a"}));
  StartSource();
  const auto before = source_->state().objects;
  Write(folder_ / "a.yaml", Namespaces({"a"}));
  Write(folder_ / "note.txt", "x");
  for (const absl::Time end = absl::Now() + absl::Milliseconds(300); absl::Now() < end;)
    loop_.RunOnce(20);
  EXPECT_EQ(batches_, 0);
  EXPECT_EQ(source_->state().objects, before);
}

TEST_F(FileSourceTest, AVanishedFolderKeepsTheLastGoodSetAndComesBack) {
  Write(folder_ / "a.yaml", Namespaces({"a"}));
  StartSource();
  fs::rename(folder_, outer_ / "away");
  EXPECT_TRUE(Turn([&] { return !source_->state().health.ok(); }));
  EXPECT_EQ(Found(), (Names{"a"}));
  EXPECT_TRUE(absl::StrContains(source_->state().health.message(), folder_.string()));
  EXPECT_EQ(batches_, 1);
  fs::create_directory(folder_);
  Write(folder_ / "b.yaml", Namespaces({"b"}));
  EXPECT_TRUE(TurnUntilFound({"b"}));
  EXPECT_TRUE(source_->state().health.ok());
}

TEST_F(FileSourceTest, ATopFolderThatIsALinkMaySwap) {
  fs::rename(folder_, outer_ / "one");
  fs::create_directory(outer_ / "two");
  Write(outer_ / "one" / "a.yaml", Namespaces({"a"}));
  Write(outer_ / "two" / "a.yaml", Namespaces({"b"}));
  fs::create_symlink("one", folder_);
  StartSource();
  EXPECT_EQ(Found(), (Names{"a"}));
  fs::create_symlink("two", outer_ / "next");
  fs::rename(outer_ / "next", folder_);
  EXPECT_TRUE(TurnUntilFound({"b"}));
}

TEST_F(FileSourceTest, ABrokenFileIsReportedAndCostsNothingThatWorked) {
  Write(folder_ / "a.yaml", Namespaces({"a"}));
  Write(folder_ / "b.yaml", Namespaces({"b"}));
  StartSource();
  Write(folder_ / "a.yaml", "apiVersion: v1\nkind: [\n");
  Write(folder_ / "c.yaml", Namespaces({"c"}));
  EXPECT_TRUE(TurnUntilFound({"a", "b", "c"}));
  ASSERT_EQ(source_->state().problems.size(), 1u);
  EXPECT_EQ(source_->state().problems[0].at.file, (folder_ / "a.yaml").string());
  EXPECT_GT(source_->state().problems[0].at.line, 0);
  EXPECT_GT(source_->state().problems[0].at.column, 0);
  Write(folder_ / "a.yaml", Namespaces({"d"}));
  EXPECT_TRUE(TurnUntilFound({"b", "c", "d"}));
  EXPECT_TRUE(source_->state().problems.empty());
}

TEST_F(FileSourceTest, StartNeedsTheFolder) {
  FileSource source(loop_, {.folder = (outer_ / "none").string()}, [](const SourceState&) {});
  const absl::Status started = source.Start();
  EXPECT_EQ(started.code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(absl::StrContains(started.message(), (outer_ / "none").string()));
}

}  // namespace
}  // namespace sluice::source
