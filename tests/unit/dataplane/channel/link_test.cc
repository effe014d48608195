#include "dataplane/channel/link.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>
#include <utility>

namespace sluice::channel {
namespace {

class LinkTest : public ::testing::Test {
 protected:
  LinkTest() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    peer_ = std::make_unique<Connection>(core::Fd(ends[1]));
    link_ = std::make_unique<Link>(
        loop_, core::Fd(ends[0]),
        Link::Events{.on_message = [this](Received r) { got_.push_back(std::move(r)); },
                     .on_closed =
                         [this](const absl::Status& why) {
                           why_ = why;
                           link_.reset();  // allowed here
                         }});
  }

  void TurnUntil(const std::function<bool()>& done) {
    for (int i = 0; i < 1000 && !done(); ++i) loop_.RunOnce(100);
    EXPECT_TRUE(done());
  }

  core::EventLoop loop_;
  std::unique_ptr<Connection> peer_;
  std::unique_ptr<Link> link_;
  std::vector<Received> got_;
  absl::Status why_;
};

Message PingOf(uint64_t nonce) {
  Message message;
  message.mutable_ping()->set_nonce(nonce);
  return message;
}

TEST_F(LinkTest, DeliversMessages) {
  for (uint64_t i = 1; i <= 3; ++i) ASSERT_TRUE(peer_->Send(PingOf(i)).ok());
  ASSERT_TRUE(peer_->Flush().ok());
  TurnUntil([&] { return got_.size() == 3; });
  EXPECT_EQ(got_[2].message.ping().nonce(), 3u);
}

TEST_F(LinkTest, GoesOnSendingWhenTheSocketTakesMore) {
  Message big;
  big.mutable_update()->add_added(std::string(4 << 20, 'x'));
  link_->Send(big);
  std::optional<Received> received;
  TurnUntil([&] {
    auto next = peer_->Receive();
    EXPECT_TRUE(next.ok()) << next.status();
    if (next.ok() && next->has_value()) received = *std::move(*next);
    return received.has_value();
  });
  EXPECT_EQ(received->message.update().added(0).size(), size_t{4} << 20);
}

TEST_F(LinkTest, SaysOnceThatThePeerClosed) {
  peer_.reset();
  TurnUntil([&] { return link_ == nullptr; });
  EXPECT_EQ(why_.code(), absl::StatusCode::kUnavailable);
}

TEST_F(LinkTest, OurOwnCloseHasItsReason) {
  link_->Close(absl::InvalidArgumentError("nonsense"));
  link_->Close(absl::InternalError("never seen"));
  TurnUntil([&] { return link_ == nullptr; });
  EXPECT_EQ(why_, absl::InvalidArgumentError("nonsense"));
}

}  // namespace
}  // namespace sluice::channel
