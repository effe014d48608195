#include "dataplane/channel/unix_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace sluice::channel {
namespace {

class UnixSocketTest : public ::testing::Test {
 protected:
  UnixSocketTest() {
    std::string name = "/tmp/sluice_unixXXXXXX";
    folder_ = ::mkdtemp(name.data());
    path_ = folder_ + "/socket";
  }
  ~UnixSocketTest() override { std::filesystem::remove_all(folder_); }

  std::string folder_, path_;
};

TEST_F(UnixSocketTest, SaysWhoConnected) {
  const auto listening = ListenUnix(path_, 0600);
  ASSERT_TRUE(listening.ok()) << listening.status();
  const auto client = ConnectUnix(path_);
  ASSERT_TRUE(client.ok()) << client.status();
  const core::Fd server(::accept(listening->get(), nullptr, nullptr));
  const auto peer = PeerOf(server.get());
  ASSERT_TRUE(peer.ok());
  EXPECT_EQ(peer->pid, ::getpid());
  EXPECT_EQ(peer->uid, ::geteuid());
  EXPECT_EQ(peer->gid, ::getegid());
}

TEST_F(UnixSocketTest, HasTheModeThatWasAskedForWhateverTheUmask) {
  for (mode_t umask_value : {0000, 0077}) {
    const mode_t before = ::umask(umask_value);
    const auto listening = ListenUnix(path_, 0660);
    ::umask(before);
    ASSERT_TRUE(listening.ok());
    struct stat about = {};
    ASSERT_EQ(::stat(path_.c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777, 0660u);
  }
}

TEST_F(UnixSocketTest, ReplacesADeadSocketButNotALiveOneOrAFile) {
  {
    ASSERT_TRUE(ListenUnix(path_, 0600).ok());
  }  // its file stays
  const auto listening = ListenUnix(path_, 0600);
  ASSERT_TRUE(listening.ok()) << listening.status();
  EXPECT_EQ(ListenUnix(path_, 0600).status().code(), absl::StatusCode::kAlreadyExists);
  const std::string file = folder_ + "/file";
  std::ofstream(file) << "precious";
  EXPECT_EQ(ListenUnix(file, 0600).status().message(), absl::StrCat(file, " is not a socket"));
}

TEST_F(UnixSocketTest, NobodyListening) {
  EXPECT_EQ(ConnectUnix(path_).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ConnectUnix(std::string(200, 'x')).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ConnectUnix("").status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace sluice::channel
