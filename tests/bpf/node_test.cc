// The whole packet path on a node of a small LAN, through PacketPath, seen by a client.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "dataplane/packet/packet_path.h"
#include "tests/bpf/frames.h"
#include "tests/bpf/lan.h"

namespace sluice::packet {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using std::chrono_literals::operator""ms;

constexpr std::string_view kVip = "192.168.0.200";
constexpr std::string_view kVip6 = "2001:db8::200";
constexpr auto kSoon = 2000ms;  // an answer is there within microseconds
constexpr auto kNever = 300ms;  // what has not come by then does not come

const absl::Time kStart = absl::FromUnixSeconds(1000);

IpAddress Ip(std::string_view text) { return IpAddress::Parse(text).value(); }

Vip MakeVip(std::string_view address) {
  return {.address = Ip(address), .ports = {{Transport::kTcp, 443}}};
}

// A listening socket as the agent makes it: loopback, port 0.
class Listener {
 public:
  explicit Listener(int family) : fd_(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    EXPECT_EQ(0, listen(fd_.get(), 16));
  }
  int fd() const { return fd_.get(); }
  // The local address of the next connection, "none" if none comes.
  std::string Accept() const {
    pollfd readable = {.fd = fd_.get(), .events = POLLIN};
    if (poll(&readable, 1, static_cast<int>(kSoon.count())) != 1) return "none";
    const core::Fd connection(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    sockaddr_storage local = {};
    socklen_t size = sizeof local;
    getsockname(connection.get(), reinterpret_cast<sockaddr*>(&local), &size);
    char text[INET6_ADDRSTRLEN];
    if (local.ss_family == AF_INET) {
      const auto& v4 = reinterpret_cast<const sockaddr_in&>(local);
      return inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text) +
             (":" + std::to_string(ntohs(v4.sin_port)));
    }
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(local);
    return inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text) +
           ("#" + std::to_string(ntohs(v6.sin6_port)));
  }

 private:
  core::Fd fd_;
};

// Connects from the current namespace; 0 or the errno.
int Connect(std::string_view address, uint16_t port) {
  const IpAddress ip = Ip(address);
  const core::Fd fd(socket(ip.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience = {.tv_sec = 2};
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  std::copy_n(ip.bytes.begin(), 16, v6.sin6_addr.s6_addr);
  sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
  std::copy_n(ip.bytes.begin() + 12, 4, reinterpret_cast<uint8_t*>(&v4.sin_addr));
  const int result = ip.is_v4() ? connect(fd.get(), reinterpret_cast<sockaddr*>(&v4), sizeof v4)
                                : connect(fd.get(), reinterpret_cast<sockaddr*>(&v6), sizeof v6);
  return result == 0 ? 0 : errno;
}

bool IsArp(const Frame& frame) { return frame.size() >= 42 && frame[12] == 8 && frame[13] == 6; }

class NodeTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = WhyNoLan(); !why.empty()) GTEST_SKIP() << why;
    lan_ = std::make_unique<Lan>();
  }
  void TearDown() override {
    path_.reset();
    lan_.reset();
  }

  PacketPathOptions Options() const { return {.folder = lan_->folder(), .interfaces = {"eth0"}}; }

  // Opens the path with the VIPs owned and the deadline far.
  void Open(PacketPathOptions options) {
    auto path = PacketPath::Open(std::move(options));
    ASSERT_TRUE(path.ok()) << path.status();
    path_ = *std::move(path);
    ASSERT_EQ(absl::OkStatus(), path_->Apply({MakeVip(kVip), MakeVip(kVip6)}, kStart));
    ASSERT_EQ(absl::OkStatus(), path_->RenewDeadline(absl::Seconds(60)));
  }

  // What comes back to a request for the VIP.
  std::optional<Frame> Ask(const Frame& request, std::chrono::milliseconds patience) const {
    const Wire wire = lan_->InClient([] { return Wire("eth0"); });
    wire.Send(request);
    return wire.Receive([](const Frame& frame) { return IsArp(frame) && frame[21] == 2; },
                        patience);
  }

  uint64_t Count(verdict_reason reason) const {
    return path_->ReadCounters().value().by_reason[reason];
  }

  std::unique_ptr<Lan> lan_;
  std::unique_ptr<PacketPath> path_;
};

TEST_F(NodeTest, AnswersArpByNativeXdp) {
  Open(Options());
  EXPECT_EQ("xdp", path_->devices()[0].mode) << path_->devices()[0].note;
  const Frame expected = ArpFrame({.to = kClientMac,
                                   .from = kNodeMac,
                                   .operation = 2,
                                   .sender_mac = kNodeMac,
                                   .sender = kVip,
                                   .target_mac = kClientMac,
                                   .target = kClientIp});
  EXPECT_EQ(expected, Ask(ArpFrame({}), kSoon));
  EXPECT_EQ(1u, Count(VERDICT_ARP_ANSWERED));
}

TEST_F(NodeTest, IsSilentAboutWhatItDoesNotOwn) {
  Open(Options());
  Vip foreign = MakeVip(kVip);
  foreign.owned = false;
  ASSERT_EQ(absl::OkStatus(), path_->Apply({foreign}, kStart));
  EXPECT_EQ(std::nullopt, Ask(ArpFrame({}), kNever));
  EXPECT_EQ(1u, Count(VERDICT_NOT_OWNED));
}

TEST_F(NodeTest, BringsConnectionsToTheListeners) {
  Open(Options());
  const Listener v4(AF_INET), v6(AF_INET6);
  ASSERT_EQ(absl::OkStatus(), path_->SetListeners({.tcp4 = {v4.fd()}, .tcp6 = {v6.fd()}}));
  EXPECT_EQ(0, lan_->InClient([] { return Connect(kVip, 443); }));
  EXPECT_EQ("192.168.0.200:443", v4.Accept());
  EXPECT_EQ(0, lan_->InClient([] { return Connect(kVip6, 443); }));
  EXPECT_EQ("2001:db8::200#443", v6.Accept());
  EXPECT_EQ(2u, Count(VERDICT_STEERED));
  EXPECT_EQ(1u, Count(VERDICT_NDP_ANSWERED));
}

}  // namespace
}  // namespace sluice::packet
