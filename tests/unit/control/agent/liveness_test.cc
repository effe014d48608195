// The liveness thread against a proxy that the test plays.
#include "control/agent/liveness.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <filesystem>

#include "absl/time/clock.h"
#include "dataplane/channel/connection.h"
#include "dataplane/channel/unix_socket.h"

namespace sluice::agent {
namespace {

class LivenessTest : public ::testing::Test {
 protected:
  LivenessTest() {
    std::string name = "/tmp/sluice_liveXXXXXX";
    folder_ = ::mkdtemp(name.data());
    path_ = folder_ + "/pulse";
  }
  ~LivenessTest() override { std::filesystem::remove_all(folder_); }

  void StartThread() {
    liveness_ = std::make_unique<Liveness>(
        LivenessOptions{.socket = path_, .interval = absl::Milliseconds(10), .renew = [this] {
                          ++renewals_;
                          return renew_works_ ? absl::OkStatus() : absl::InternalError("no");
                        }});
    ASSERT_TRUE(liveness_->Start().ok());
  }

  std::unique_ptr<channel::Connection> Connect() {
    auto socket = channel::ConnectUnix(path_);
    EXPECT_TRUE(socket.ok()) << socket.status();
    return std::make_unique<channel::Connection>(*std::move(socket));
  }

  // The nonce of the next ping; 0: the connection ended or none came within `patience_ms`.
  static uint64_t NextPing(channel::Connection& connection, int patience_ms = 5000) {
    while (true) {
      auto received = connection.Receive();
      if (!received.ok()) return 0;
      if (received->has_value()) return (*received)->message.ping().nonce();
      pollfd ready{.fd = connection.fd(), .events = POLLIN, .revents = 0};
      if (::poll(&ready, 1, patience_ms) <= 0) return 0;
    }
  }

  static void Answer(channel::Connection& connection, uint64_t nonce) {
    channel::Message pong;
    pong.mutable_pong()->set_nonce(nonce);
    ASSERT_TRUE(connection.Send(pong).ok());
    ASSERT_TRUE(connection.Flush().ok());
  }

  std::string folder_, path_;
  std::atomic<int> renewals_ = 0;
  std::atomic<bool> renew_works_ = true;
  std::unique_ptr<Liveness> liveness_;
};

TEST_F(LivenessTest, RenewsForEachAnswer) {
  StartThread();
  const auto proxy = Connect();
  for (uint64_t i = 1; i <= 5; ++i) {
    ASSERT_EQ(NextPing(*proxy), i);
    Answer(*proxy, i);
  }
  ASSERT_EQ(NextPing(*proxy), 6u);  // so the fifth answer was taken
  EXPECT_EQ(renewals_, 5);
  EXPECT_EQ(liveness_->answers(), 5u);
}

TEST_F(LivenessTest, AWorkerThatHangsGetsNoSecondPingAndNoRenewal) {
  StartThread();
  const auto proxy = Connect();
  ASSERT_EQ(NextPing(*proxy), 1u);
  EXPECT_EQ(NextPing(*proxy, 100), 0u);
  EXPECT_EQ(renewals_, 0);
  Answer(*proxy, 1);  // it came round after all
  EXPECT_EQ(NextPing(*proxy), 2u);
  EXPECT_EQ(renewals_, 1);
}

TEST_F(LivenessTest, ANewProxyTakesOver) {
  StartThread();
  const auto dead = Connect();
  ASSERT_EQ(NextPing(*dead), 1u);
  const auto proxy = Connect();
  ASSERT_EQ(NextPing(*proxy), 1u);
  Answer(*proxy, 1);
  EXPECT_EQ(NextPing(*proxy), 2u);
  EXPECT_EQ(NextPing(*dead), 0u);  // closed
}

TEST_F(LivenessTest, AnAnswerToAnotherPingEndsTheConversation) {
  StartThread();
  const auto proxy = Connect();
  ASSERT_EQ(NextPing(*proxy), 1u);
  Answer(*proxy, 7);
  EXPECT_EQ(NextPing(*proxy), 0u);
  EXPECT_EQ(renewals_, 0);
}

TEST_F(LivenessTest, FailuresOfTheRenewalAreCounted) {
  renew_works_ = false;
  StartThread();
  const auto proxy = Connect();
  ASSERT_EQ(NextPing(*proxy), 1u);
  Answer(*proxy, 1);
  ASSERT_EQ(NextPing(*proxy), 2u);
  EXPECT_EQ(liveness_->renew_failures(), 1u);
}

}  // namespace
}  // namespace sluice::agent
