#include "control/agent/listening_sockets.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::agent {
namespace {

bool Connects(const core::Address& address) {
  const core::Fd client(::socket(address.ipv6() ? AF_INET6 : AF_INET, SOCK_STREAM, 0));
  return ::connect(client.get(), address.get(), address.size()) == 0;
}

bool HasIpv6() {
  const core::Fd socket(::socket(AF_INET6, SOCK_STREAM, 0));
  const auto any = *core::Address::Parse("::1", 0);
  return socket.valid() && ::bind(socket.get(), any.get(), any.size()) == 0;
}

snapshot::Snapshot SnapshotWith(const std::string& vip, uint32_t port) {
  snapshot::Snapshot snapshot;
  auto* out = snapshot.add_vips();
  out->set_address(vip);
  out->add_ports()->set_port(port);
  auto* udp = out->add_ports();
  udp->set_port(port);
  udp->set_transport(snapshot::TRANSPORT_UDP);
  return snapshot;
}

uint32_t FreePort() {
  const core::Fd socket(::socket(AF_INET, SOCK_STREAM, 0));
  const auto any = *core::Address::Parse("127.0.0.1", 0);
  EXPECT_EQ(::bind(socket.get(), any.get(), any.size()), 0);
  return core::Address::OfLocal(socket.get())->port();
}

TEST(ListeningSockets, OneForEachWorkerAndFamilyOnLoopback) {
  ListeningSockets sockets;
  ASSERT_TRUE(sockets.OpenForPacketPath(3).ok());
  EXPECT_EQ(sockets.workers(), 3);
  const packet::ListenerSockets all = sockets.ForPacketPath();
  EXPECT_EQ(all.tcp4.size(), 3u);
  EXPECT_EQ(all.tcp6.size(), HasIpv6() ? 3u : 0u);
  for (int fd : all.tcp4) {
    const auto local = core::Address::OfLocal(fd);
    ASSERT_TRUE(local.has_value());
    EXPECT_EQ(local->ip(), "127.0.0.1");
    EXPECT_TRUE(Connects(*local));
  }
}

TEST(ListeningSockets, SurviveTheWayToTheProxyAndBack) {
  ListeningSockets mine;
  ASSERT_TRUE(mine.OpenForPacketPath(2).ok());
  channel::Sockets about;
  std::vector<int> fds;
  mine.Describe(about, fds);
  ASSERT_EQ(static_cast<size_t>(about.sockets_size()), fds.size());
  // In another order, as duplicates: the same sockets come back.
  channel::Sockets reversed;
  std::vector<core::Fd> duplicates;
  for (size_t i = fds.size(); i-- > 0;) {
    *reversed.add_sockets() = about.sockets(static_cast<int>(i));
    duplicates.emplace_back(::dup(fds[i]));
  }
  ListeningSockets again;
  ASSERT_TRUE(again.TakeBack(reversed, std::move(duplicates)).ok());
  EXPECT_EQ(again.workers(), 2);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(core::Address::OfLocal(again.ForPacketPath().tcp4[i])->text(),
              core::Address::OfLocal(mine.ForPacketPath().tcp4[i])->text());
  }
}

TEST(ListeningSockets, TakesNothingBackThatDoesNotListen) {
  channel::Sockets about;
  about.add_sockets();
  std::vector<core::Fd> fds;
  fds.emplace_back(::socket(AF_INET, SOCK_STREAM, 0));
  ListeningSockets sockets;
  EXPECT_FALSE(sockets.TakeBack(about, std::move(fds)).ok());
  EXPECT_TRUE(sockets.empty());
}

TEST(ListeningSockets, WithoutPacketPathOneForEachWorkerAndVipPort) {
  ListeningSockets sockets;
  const uint32_t port = FreePort();
  const snapshot::Snapshot snapshot = SnapshotWith("127.0.0.9", port);
  EXPECT_TRUE(sockets.OpenForVips(snapshot, 2).value());
  EXPECT_FALSE(sockets.OpenForVips(snapshot, 2).value());  // nothing new
  const packet::ListenerSockets all = sockets.ForPacketPath();
  ASSERT_EQ(all.tcp4.size(), 2u);
  EXPECT_EQ(core::Address::OfLocal(all.tcp4[1])->text(), "127.0.0.9:" + std::to_string(port));
  EXPECT_TRUE(Connects(*core::Address::Parse("127.0.0.9", static_cast<uint16_t>(port))));
}

TEST(ListeningSockets, AVipOfAnotherMachineIsNamedAndCostsNoOther) {
  ListeningSockets sockets;
  snapshot::Snapshot snapshot = SnapshotWith("192.0.2.1", 80);
  *snapshot.add_vips() = SnapshotWith("127.0.0.9", FreePort()).vips(0);
  const auto opened = sockets.OpenForVips(snapshot, 1);
  EXPECT_EQ(std::string(opened.status().message()).substr(0, 25), "listening on 192.0.2.1:80");
  EXPECT_EQ(sockets.ForPacketPath().tcp4.size(), 1u);
}

}  // namespace
}  // namespace sluice::agent
