#include "control/source/manifest_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice::source {
namespace {

namespace fs = std::filesystem;

class ManifestFolderTest : public ::testing::Test {
 protected:
  ManifestFolderTest() {
    std::string name = "/tmp/sluice_manifestsXXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~ManifestFolderTest() override { fs::remove_all(folder_); }

  void Write(const std::string& path, const std::string& text) const {
    fs::create_directories((folder_ / path).parent_path());
    std::ofstream(folder_ / path) << text;
  }

  using Files = std::vector<std::pair<std::string, std::string>>;
  Files Relative(const FolderContent& content) const {
    Files files;
    for (const auto& file : content.files) {
      files.emplace_back(file.path.substr(folder_.string().size() + 1), file.text);
    }
    return files;
  }

  fs::path folder_;
};

TEST_F(ManifestFolderTest, FindsManifestsAtEveryDepthInOrder) {
  Write("b.yaml", "1");
  Write("a/deep/er/c.yml", "2");
  Write("a.json", "3");
  Write("README.md", "no");
  Write("yaml", "no");
  Write(".hidden.yaml", "no");
  Write(".git/x.yaml", "no");
  const auto content = ReadFolder(folder_);
  ASSERT_TRUE(content.ok());
  EXPECT_EQ(Relative(*content),
            (Files{{"a.json", "3"}, {"a/deep/er/c.yml", "2"}, {"b.yaml", "1"}}));
  EXPECT_EQ(content->folders.size(), 4u);
  EXPECT_TRUE(content->problems.empty());
}

TEST_F(ManifestFolderTest, AKubernetesVolumeIsReadOnce) {
  Write("..2026_01/routes.yaml", "x");
  fs::create_symlink("..2026_01", folder_ / "..data");
  fs::create_symlink("..data/routes.yaml", folder_ / "routes.yaml");
  const auto content = ReadFolder(folder_);
  ASSERT_TRUE(content.ok());
  EXPECT_EQ(Relative(*content), (Files{{"routes.yaml", "x"}}));
  EXPECT_EQ(content->links, (std::vector<std::string>{folder_ / "routes.yaml"}));
}

TEST_F(ManifestFolderTest, LinksThatLeadBackEnd) {
  Write("a/x.yaml", "x");
  fs::create_directory_symlink("..", folder_ / "a" / "up");
  fs::create_directory_symlink("a", folder_ / "b");  // another way to the same, which is no loop
  const auto content = ReadFolder(folder_);
  ASSERT_TRUE(content.ok());
  EXPECT_EQ(Relative(*content), (Files{{"a/x.yaml", "x"}, {"b/x.yaml", "x"}}));
}

TEST_F(ManifestFolderTest, WhatCannotBeReadIsReportedAndTheRestIsThere) {
  Write("good.yaml", "x");
  Write("large.yaml", std::string(101, 'x'));
  fs::create_symlink("nowhere", folder_ / "dangling.yaml");
  ASSERT_EQ(::mkfifo((folder_ / "pipe.yaml").c_str(), 0600), 0);
  const auto content = ReadFolder(folder_, {.max_file_bytes = 100});
  ASSERT_TRUE(content.ok());
  EXPECT_EQ(Relative(*content), (Files{{"good.yaml", "x"}}));
  std::vector<std::string> problems;
  for (const auto& problem : content->problems) problems.push_back(ToString(problem));
  EXPECT_EQ(problems,
            (std::vector<std::string>{
                absl::StrCat(folder_.string(),
                             "/dangling.yaml: error: cannot be read: No such file or directory"),
                absl::StrCat(folder_.string(),
                             "/large.yaml: error: is larger than 100 bytes; it is left out"),
                absl::StrCat(folder_.string(),
                             "/pipe.yaml: error: is not a regular file; it is left out")}));
}

TEST_F(ManifestFolderTest, DepthAndNumberAreBounded) {
  for (const char* file : {"a/1.yaml", "a/b/2.yaml", "a/b/c/3.yaml"}) Write(file, "x");
  EXPECT_EQ(Relative(ReadFolder(folder_, {.max_depth = 3}).value()),
            (Files{{"a/1.yaml", "x"}, {"a/b/2.yaml", "x"}}));
  EXPECT_EQ(ReadFolder(folder_, {.max_files = 1})->files.size(), 1u);
  EXPECT_EQ(ReadFolder(folder_, {.max_files = 1})->problems.size(), 2u);
}

TEST_F(ManifestFolderTest, AMissingFolderIsAnError) {
  EXPECT_EQ(ReadFolder(folder_ / "none").status().code(), absl::StatusCode::kNotFound);
  Write("file.yaml", "x");
  EXPECT_FALSE(ReadFolder(folder_ / "file.yaml").ok());
}

}  // namespace
}  // namespace sluice::source
