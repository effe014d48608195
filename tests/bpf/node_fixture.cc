#include "tests/bpf/node_fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace sluice::packet {
namespace {

// An ARP reply, or a neighbour advertisement.
bool IsAnswer(const Frame& frame) {
  return IsArpReply(frame) ||
         (frame.size() >= 86 && frame[12] == 0x86 && frame[13] == 0xdd && frame[54] == 136);
}

}  // namespace

Vip MakeVip(std::string_view address) {
  return {.address = Ip(address), .ports = {{Transport::kTcp, 443}}};
}

Listener::Listener(int family) : fd_(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  EXPECT_EQ(0, listen(fd_.get(), 64));
}

std::string Listener::Accept() const {
  pollfd readable = {.fd = fd_.get(), .events = POLLIN};
  if (poll(&readable, 1, static_cast<int>(kSoon.count())) != 1) return "none";
  const core::Fd connection(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  sockaddr_storage local = {};
  socklen_t size = sizeof local;
  getsockname(connection.get(), reinterpret_cast<sockaddr*>(&local), &size);
  char text[INET6_ADDRSTRLEN];
  if (local.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(local);
    return absl::StrCat(inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text), ":",
                        ntohs(v4.sin_port));
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(local);
  return absl::StrCat("[", inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text),
                      "]:", ntohs(v6.sin6_port));
}

uint16_t Listener::port() const {
  sockaddr_in6 any = {};  // the port is at the same place in both families
  socklen_t size = sizeof any;
  getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&any), &size);
  return ntohs(any.sin6_port);
}

int Listener::AcceptAll() const {
  fcntl(fd_.get(), F_SETFL, O_NONBLOCK);
  int count = 0;
  while (core::Fd(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC)).valid()) ++count;
  return count;
}

int Connect(std::string_view address, uint16_t port) {
  const IpAddress ip = Ip(address);
  const core::Fd fd(socket(ip.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience = {.tv_sec = 2};
  setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  std::ranges::copy(ip.bytes, v6.sin6_addr.s6_addr);
  sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
  std::ranges::copy(ip.v4(), reinterpret_cast<uint8_t*>(&v4.sin_addr));
  const int result = ip.is_v4() ? connect(fd.get(), reinterpret_cast<sockaddr*>(&v4), sizeof v4)
                                : connect(fd.get(), reinterpret_cast<sockaddr*>(&v6), sizeof v6);
  return result == 0 ? 0 : errno;
}

void SendDatagram(const Lan& lan, std::string_view from) {
  constexpr uint16_t kPort = 9999;
  const auto bound = [](std::string_view address) {
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(kPort)};
    std::ranges::copy(Ip(address).v4(), reinterpret_cast<uint8_t*>(&any.sin_addr));
    EXPECT_EQ(0, bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any));
    return fd;
  };
  const core::Fd receiver(lan.InClient([&] { return bound(kClientIp); }));
  const core::Fd sender(bound(from));
  sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(kPort)};
  std::ranges::copy(Ip(kClientIp).v4(), reinterpret_cast<uint8_t*>(&to.sin_addr));
  EXPECT_EQ(1, sendto(sender.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&to), sizeof to));
  pollfd readable = {.fd = receiver.get(), .events = POLLIN};
  EXPECT_EQ(1, poll(&readable, 1, static_cast<int>(kSoon.count())));
}

bool IsArpReply(const Frame& frame) {
  return frame.size() >= 42 && frame[12] == 0x08 && frame[13] == 0x06 && frame[21] == 2;
}

std::string RequesterMac(int n) {
  return MacAddress{{2, 0, 0, 0, static_cast<uint8_t>(n >> 8), static_cast<uint8_t>(n)}}.ToString();
}

Frame ExpectedArpReply() {
  return ArpFrame({.to = kClientMac,
                   .from = kNodeMac,
                   .operation = 2,
                   .sender_mac = kNodeMac,
                   .sender = kVip,
                   .target_mac = kClientMac,
                   .target = kClientIp});
}

void NodeTest::SetUp() {
  if (const std::string why = WhyNoLan(); !why.empty()) GTEST_SKIP() << why;
  lan_ = std::make_unique<Lan>();
}

void NodeTest::TearDown() {
  path_.reset();
  lan_.reset();
}

void NodeTest::Open(PacketPathOptions options) {
  auto path = PacketPath::Open(std::move(options));
  ASSERT_TRUE(path.ok()) << path.status();
  path_ = *std::move(path);
  Apply({MakeVip(kVip), MakeVip(kVip6)});
  ASSERT_EQ(absl::OkStatus(), path_->RenewDeadline(absl::Seconds(60)));
  Apply({MakeVip(kVip), MakeVip(kVip6)});  // taken over at kStart
}

void NodeTest::Apply(VipTable table) {
  ASSERT_EQ(absl::OkStatus(), path_->Apply(std::move(table), kStart));
}

std::optional<Frame> NodeTest::Ask(const Frame& request, std::chrono::milliseconds patience,
                                   const std::string& device) const {
  const Wire wire = lan_->InClient([&] { return Wire(device); });
  wire.Send(request);
  return wire.Receive(&IsAnswer, patience);
}

uint64_t NodeTest::Count(verdict_reason reason) const {
  return path_->ReadCounters().value().by_reason[reason];
}

void NodeTest::HandleEventsUntil(absl::Time now, const std::function<bool()>& done) const {
  pollfd readable = {.fd = path_->device_events_fd(), .events = POLLIN};
  while (!done()) {
    ASSERT_EQ(1, poll(&readable, 1, static_cast<int>(kSoon.count())));
    ASSERT_EQ(absl::OkStatus(), path_->HandleDeviceEvents(now));
  }
}

std::string NodeTest::ModeOf(std::string_view device) const {
  const auto found = std::ranges::find(path_->devices(), device, &DeviceStatus::name);
  if (found == path_->devices().end()) return "no such device";
  return found->note.empty() ? found->mode : absl::StrCat(found->mode, ": ", found->note);
}

}  // namespace sluice::packet
