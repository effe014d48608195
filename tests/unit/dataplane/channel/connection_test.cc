#include "dataplane/channel/connection.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <utility>

namespace sluice::channel {
namespace {

std::pair<core::Fd, core::Fd> SocketPair() {
  int ends[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  return {core::Fd(ends[0]), core::Fd(ends[1])};
}

size_t OpenFds() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(all), end(all)));
}

ino_t InodeOf(int fd) {
  struct stat about = {};
  EXPECT_EQ(::fstat(fd, &about), 0);
  return about.st_ino;
}

Message PingOf(uint64_t nonce) {
  Message message;
  message.mutable_ping()->set_nonce(nonce);
  return message;
}

Message BigUpdate(size_t bytes) {
  Message message;
  message.mutable_update()->add_added(std::string(bytes, 'x'));
  return message;
}

// Moves everything that is queued from one end to the other, in both directions' turns.
std::vector<Received> Pump(Connection& from, Connection& to) {
  std::vector<Received> all;
  for (bool moved = true; moved;) {
    moved = false;
    EXPECT_TRUE(from.Flush().ok());
    while (true) {
      auto received = to.Receive();
      EXPECT_TRUE(received.ok()) << received.status();
      if (!received.ok() || !received->has_value()) break;
      all.push_back(*std::move(*received));
      moved = true;
    }
    moved |= !from.flushed();
  }
  return all;
}

TEST(Connection, MessagesArriveWholeAndInOrder) {
  auto [a, b] = SocketPair();
  Connection from(std::move(a)), to(std::move(b));
  ASSERT_TRUE(from.Send(PingOf(1)).ok());
  ASSERT_TRUE(from.Send(BigUpdate(3 << 20)).ok());  // far more than a socket buffer
  ASSERT_TRUE(from.Send(PingOf(2)).ok());
  const auto all = Pump(from, to);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].message.ping().nonce(), 1u);
  EXPECT_EQ(all[1].message.update().added(0).size(), size_t{3} << 20);
  EXPECT_EQ(all[2].message.ping().nonce(), 2u);
}

TEST(Connection, AFrameSplitAtEveryByteIsReadOnce) {
  auto [a, b] = SocketPair();
  Connection to(std::move(b));
  const std::string payload = PingOf(300).SerializeAsString();
  const auto size = static_cast<uint32_t>(payload.size());
  const std::string frame = std::string(reinterpret_cast<const char*>(&size), 4) + payload;
  for (size_t i = 0; i < frame.size(); ++i) {
    ASSERT_EQ(::send(a.get(), &frame[i], 1, 0), 1);
    const auto received = to.Receive();
    ASSERT_TRUE(received.ok());
    EXPECT_EQ(received->has_value(), i + 1 == frame.size());
  }
}

TEST(Connection, DescriptorsComeWithTheFrameThatNamesThem) {
  const size_t before = OpenFds();
  {
    auto [a, b] = SocketPair();
    Connection from(std::move(a)), to(std::move(b));
    const core::Fd first(::socket(AF_INET, SOCK_STREAM, 0)),
        second(::socket(AF_INET6, SOCK_STREAM, 0));
    Message message;
    message.mutable_sockets()->add_sockets()->set_worker(0);
    message.mutable_sockets()->add_sockets()->set_ipv6(true);
    ASSERT_TRUE(from.Send(BigUpdate(1 << 20)).ok());
    ASSERT_TRUE(from.Send(message, std::vector<int>{first.get(), second.get()}).ok());
    ASSERT_TRUE(from.Send(PingOf(7)).ok());
    const auto all = Pump(from, to);
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all[0].fds.size(), 0u);
    ASSERT_EQ(all[1].fds.size(), 2u);
    EXPECT_EQ(InodeOf(all[1].fds[0].get()), InodeOf(first.get()));
    EXPECT_EQ(InodeOf(all[1].fds[1].get()), InodeOf(second.get()));
    EXPECT_TRUE(::fcntl(all[1].fds[0].get(), F_GETFD) & FD_CLOEXEC);
    EXPECT_EQ(all[2].fds.size(), 0u);
  }
  EXPECT_EQ(OpenFds(), before);
}

TEST(Connection, TheLargestSetOfDescriptorsPasses) {
  auto [a, b] = SocketPair();
  Connection from(std::move(a)), to(std::move(b));
  const core::Fd socket(::socket(AF_INET, SOCK_STREAM, 0));
  Message message;
  for (size_t i = 0; i < Connection::kMaxFds; ++i) message.mutable_sockets()->add_sockets();
  ASSERT_TRUE(from.Send(message, std::vector<int>(Connection::kMaxFds, socket.get())).ok());
  const auto all = Pump(from, to);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].fds.size(), Connection::kMaxFds);
  EXPECT_EQ(from.Send(message, std::vector<int>(Connection::kMaxFds + 1, socket.get())).code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(Connection, MissingDescriptorsAreAnError) {
  auto [a, b] = SocketPair();
  Connection from(std::move(a)), to(std::move(b));
  Message message;
  message.mutable_sockets()->add_sockets();
  ASSERT_TRUE(from.Send(message).ok());
  ASSERT_TRUE(from.Flush().ok());
  EXPECT_EQ(to.Receive().status().message(), "1 sockets with 0 descriptors");
}

TEST(Connection, DescriptorsThatNobodyNamesAreBounded) {
  const size_t before = OpenFds();
  {
    auto [a, b] = SocketPair();
    Connection from(std::move(a)), to(std::move(b));
    const core::Fd socket(::socket(AF_INET, SOCK_STREAM, 0));
    const std::vector<int> many(Connection::kMaxFds, socket.get());
    absl::Status status;
    for (int i = 0; i < 3 && status.ok(); ++i) {
      ASSERT_TRUE(from.Send(PingOf(i), many).ok());
      ASSERT_TRUE(from.Flush().ok());
      while (true) {
        auto received = to.Receive();
        status = received.status();
        if (!received.ok() || !received->has_value()) break;
      }
    }
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  }
  EXPECT_EQ(OpenFds(), before);
}

TEST(Connection, RefusesWhatIsNoFrame) {
  const struct {
    const char* name;
    std::string bytes;
    absl::StatusCode expected;
  } rows[] = {
      {"too long", std::string("\x01\x00\x00\x04", 4), absl::StatusCode::kResourceExhausted},
      {"all ones", std::string("\xff\xff\xff\xff", 4), absl::StatusCode::kResourceExhausted},
      {"garbage", std::string("\x02\x00\x00\x00\xff\xff", 6), absl::StatusCode::kInvalidArgument},
      {"end within a header", std::string("\x02\x00", 2), absl::StatusCode::kDataLoss},
      {"end within a frame", std::string("\x09\x00\x00\x00\x2a", 5), absl::StatusCode::kDataLoss},
      {"end between frames", "", absl::StatusCode::kUnavailable},
  };
  for (const auto& row : rows) {
    auto [a, b] = SocketPair();
    Connection to(std::move(b));
    ASSERT_EQ(::send(a.get(), row.bytes.data(), row.bytes.size(), 0),
              static_cast<ssize_t>(row.bytes.size()));
    a.Reset();
    EXPECT_EQ(to.Receive().status().code(), row.expected) << row.name;
  }
}

TEST(Connection, ASendToAClosedPeerFailsWithoutASignal) {
  auto [a, b] = SocketPair();
  Connection from(std::move(a));
  b.Reset();
  ASSERT_TRUE(from.Send(PingOf(1)).ok());
  EXPECT_FALSE(from.Flush().ok());
}

TEST(Connection, ReceivedKeysAreWiped) {
  Message message;
  auto* certificate = message.mutable_update()->mutable_certificates()->add_certificates();
  certificate->set_chain_pem("chain");
  certificate->set_key_pem("a private key that is long enough to be on the heap");
  const char* memory = certificate->key_pem().data();
  const size_t size = certificate->key_pem().size();
  const std::string nothing(size, '\0');
  Message hello;
  hello.mutable_hello()->set_ticket_secret("secret");
  WipeKeys(hello);
  EXPECT_EQ(hello.hello().ticket_secret(), "");
  WipeKeys(message);
  EXPECT_EQ(certificate->key_pem(), "");
  EXPECT_EQ(certificate->chain_pem(), "chain");
  EXPECT_EQ(std::memcmp(memory + 1, nothing.data() + 1, size - 1), 0);
}

}  // namespace
}  // namespace sluice::channel
