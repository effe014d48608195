#include "control/agent/handover.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <filesystem>
#include <optional>

#include "dataplane/channel/unix_socket.h"

namespace sluice::agent {
namespace {

class HandoverTest : public ::testing::Test {
 protected:
  HandoverTest() {
    std::string folder = ::testing::TempDir() + "handoverXXXXXX";
    EXPECT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
  }
  ~HandoverTest() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ + "/handover.sock"; }
  void Turn() {
    for (int i = 0; i < 200 && !result_; ++i) loop_.RunOnce(10);
  }
  HandoverServer::Events Gives(std::vector<int> sockets) {
    return {.let_go = [this] { order_.push_back("let go"); },
            .describe =
                [this, sockets](channel::Sockets& about, std::vector<int>& fds) {
                  order_.push_back("describe");
                  for (const int fd : sockets) {
                    about.add_sockets()->set_worker(static_cast<uint32_t>(fds.size()));
                    fds.push_back(fd);
                  }
                }};
  }
  Handover::Done Keep() {
    return [this](absl::StatusOr<Handover::Sockets> handed) { result_ = std::move(handed); };
  }

  core::EventLoop loop_;
  std::string folder_;
  std::vector<std::string> order_;
  std::optional<absl::StatusOr<Handover::Sockets>> result_;
};

TEST_F(HandoverTest, GivesSocketsAfterLettingGo) {
  const core::Fd socket(::socket(AF_INET, SOCK_STREAM, 0));
  HandoverServer server(loop_, Gives({socket.get(), socket.get()}));
  ASSERT_TRUE(server.Listen(path()).ok());
  Handover handover(loop_, Keep());
  ASSERT_TRUE(handover.Start(path()).ok());
  Turn();
  ASSERT_TRUE(result_ && result_->ok());
  EXPECT_EQ((*result_)->fds.size(), 2u);
  EXPECT_EQ(order_, (std::vector<std::string>{"let go", "describe"}));
  EXPECT_TRUE(server.handed());
}

TEST_F(HandoverTest, ASecondAgentGetsNothing) {
  HandoverServer server(loop_, Gives({}));
  ASSERT_TRUE(server.Listen(path()).ok());
  Handover first(loop_, Keep());
  ASSERT_TRUE(first.Start(path()).ok());
  Turn();
  ASSERT_TRUE(result_ && result_->ok());
  result_.reset();
  Handover second(loop_, Keep());
  EXPECT_FALSE(second.Start(path()).ok());
  EXPECT_EQ(order_.size(), 2u);
}

TEST_F(HandoverTest, TheNextAgentListensWhileTheLastOneIsStillThere) {
  HandoverServer last(loop_, Gives({})), next(loop_, Gives({}));
  ASSERT_TRUE(last.Listen(path()).ok());
  Handover handover(loop_, Keep());
  ASSERT_TRUE(handover.Start(path()).ok());
  Turn();
  ASSERT_TRUE(result_ && result_->ok());
  EXPECT_EQ(next.Listen(path()), absl::OkStatus());
}

TEST_F(HandoverTest, AnotherVersionGetsNothing) {
  HandoverServer server(loop_, Gives({}));
  ASSERT_TRUE(server.Listen(path()).ok());
  std::optional<absl::Status> closed;
  channel::Link stranger(loop_, *channel::ConnectUnix(path()),
                         {.on_message = [](channel::Received) {},
                          .on_closed = [&](const absl::Status& why) { closed = why; }});
  channel::Message message;
  message.mutable_take_over()->set_version(channel::kWireVersion + 1);
  stranger.Send(message);
  for (int i = 0; i < 200 && !closed; ++i) loop_.RunOnce(10);
  EXPECT_TRUE(closed.has_value());
  EXPECT_TRUE(order_.empty());
}

TEST_F(HandoverTest, NobodyListens) {
  Handover handover(loop_, Keep());
  EXPECT_FALSE(handover.Start(path()).ok());
}

}  // namespace
}  // namespace sluice::agent
