#include "dataplane/core/acceptor.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <optional>
#include <vector>

#include "dataplane/core/address.h"
#include "dataplane/core/listen.h"
#include "no_descriptors.h"

namespace sluice::core {
namespace {

class AcceptorTest : public ::testing::Test {
 protected:
  AcceptorTest() {
    auto listening = ListenTcp(*Address::Parse("127.0.0.1", 0), false);
    EXPECT_TRUE(listening.ok()) << listening.status();
    address_ = *Address::OfLocal(listening->get());
    acceptor_.emplace(loop_, [this](Fd fd) { accepted_.push_back(std::move(fd)); });
    acceptor_->Start(*std::move(listening));
  }

  Fd Connect() const {
    Fd fd(::socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_TRUE(fd.valid() && ::connect(fd.get(), address_.get(), address_.size()) == 0);
    return fd;
  }
  // Turns the loop until `count` are accepted, or for a second.
  void Await(size_t count) {
    for (int i = 0; i < 100 && accepted_.size() < count; ++i) loop_.RunOnce(10);
  }

  EventLoop loop_;
  Address address_;
  std::vector<Fd> accepted_;
  std::optional<Acceptor> acceptor_;
};

TEST_F(AcceptorTest, HandsOnEachConnection) {
  const Fd one = Connect(), two = Connect();
  Await(2);
  ASSERT_EQ(accepted_.size(), 2u);
  char byte;
  EXPECT_EQ(::recv(accepted_[0].get(), &byte, 1, 0), -1);  // non-blocking
  EXPECT_EQ(errno, EAGAIN);
}

TEST_F(AcceptorTest, RestsWhileThereAreNoDescriptors) {
  const Fd waiting = Connect();
  {
    const NoDescriptors none;
    EXPECT_TRUE(ComesToRest(loop_));
    EXPECT_TRUE(accepted_.empty());
  }
  Await(1);
  EXPECT_EQ(accepted_.size(), 1u);
}

TEST_F(AcceptorTest, MayEndWhileItRests) {
  const Fd waiting = Connect();
  {
    const NoDescriptors none;
    EXPECT_TRUE(ComesToRest(loop_));
    acceptor_.reset();
  }
  for (int i = 0; i < 15; ++i) loop_.RunOnce(10);  // past the end of the pause
  EXPECT_TRUE(accepted_.empty());
}

}  // namespace
}  // namespace sluice::core
