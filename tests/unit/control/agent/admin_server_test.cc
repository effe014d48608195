#include "control/agent/admin_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "../../dataplane/core/no_descriptors.h"

namespace sluice::agent {
namespace {

class AdminServerTest : public ::testing::Test {
 protected:
  AdminServerTest()
      : server_(
            loop_,
            {{"view",
              [](const AdminServer::Respond& respond) { respond(std::string(3 << 20, 'v')); }},
             {"metrics", [this](AdminServer::Respond respond) { late_ = std::move(respond); }}}) {
    std::string name = "/tmp/sluice_adminXXXXXX";
    folder_ = ::mkdtemp(name.data());
    path_ = folder_ + "/admin.sock";
    EXPECT_TRUE(server_.Listen(path_).ok());
  }
  ~AdminServerTest() override { std::filesystem::remove_all(folder_); }

  core::Fd Connect() const {
    core::Fd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address = {.sun_family = AF_UNIX};
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
  }

  std::string Ask(const std::string& line) {
    std::string answer;
    std::atomic<bool> done = false;
    std::thread client([&] {
      const core::Fd fd = Connect();
      (void)::send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL);
      ::shutdown(fd.get(), SHUT_WR);
      char chunk[65536];
      for (ssize_t n; (n = ::recv(fd.get(), chunk, sizeof chunk, 0)) > 0;) answer.append(chunk, n);
      done = true;
      loop_.Stop();
    });
    while (!done) {
      loop_.RunOnce(10);
      if (late_) std::exchange(late_, nullptr)("late");
    }
    client.join();
    return answer;
  }

  std::string folder_, path_;
  core::EventLoop loop_;
  AdminServer::Respond late_;
  AdminServer server_;
};

TEST_F(AdminServerTest, OneLineOneDocument) {
  EXPECT_EQ(Ask("view\n").size(), size_t{3} << 20);
  EXPECT_EQ(Ask("").size(), size_t{3} << 20);
  EXPECT_EQ(Ask("metrics\r\n"), "late");
  EXPECT_EQ(Ask("set everything\n"), "");
  EXPECT_EQ(Ask(std::string(1000, 'x')), "");
}

TEST_F(AdminServerTest, AnUnknownRequestIsNotWaitedWith) {
  const core::Fd caller = Connect();
  ASSERT_EQ(::send(caller.get(), "nonsense\n", 9, 0), 9);
  char byte;
  for (int i = 0; i < 5; ++i) loop_.RunOnce(10);
  EXPECT_EQ(::recv(caller.get(), &byte, 1, MSG_DONTWAIT), 0);
}

TEST_F(AdminServerTest, RestsWhileThereAreNoDescriptors) {
  const core::Fd caller = Connect();
  {
    const core::NoDescriptors none;
    EXPECT_TRUE(core::ComesToRest(loop_));
  }
  EXPECT_EQ(Ask("metrics\n"), "late");
}

TEST_F(AdminServerTest, IsForItsOwnerOnly) {
  struct stat about = {};
  ASSERT_EQ(::stat(path_.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
}

TEST_F(AdminServerTest, CallersThatOnlyConnectLockNobodyOut) {
  std::vector<core::Fd> idle;
  for (size_t i = 0; i < 3 * AdminServer::kOptions.max_clients; ++i) {
    idle.push_back(Connect());
    loop_.RunOnce(0);
  }
  EXPECT_EQ(Ask("metrics\n"), "late");
}

}  // namespace
}  // namespace sluice::agent
