// The packet path at work on a node: what a client of the LAN gets, and what it does not.
#include <errno.h>
#include <netinet/in.h>

#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/bpf/node_fixture.h"

namespace sluice::packet {
namespace {

using ::testing::Each;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(NodeTest, AnswersArpByNativeXdp) {
  Open(Options());
  EXPECT_EQ("xdp", ModeOf("eth0"));
  EXPECT_EQ(ExpectedArpReply(), Ask(ArpFrame({}), kSoon));
  EXPECT_EQ(1u, Count(VERDICT_ARP_ANSWERED));
}

TEST_F(NodeTest, AnswersArpByTcx) {
  PacketPathOptions options = Options();
  options.attach = AttachPreference::kTcx;
  Open(options);
  EXPECT_EQ("tcx", ModeOf("eth0"));
  EXPECT_EQ(ExpectedArpReply(), Ask(ArpFrame({}), kSoon));
  EXPECT_EQ(1u, Count(VERDICT_ARP_ANSWERED));
}

TEST_F(NodeTest, AnswersByItselfOnAVethWhosePeerRunsNoXdp) {
  lan_ = nullptr;
  lan_ = std::make_unique<Lan>(Lan::Peer::kPlain);
  PacketPathOptions options = Options();
  options.attach = AttachPreference::kAuto;
  Open(options);
  EXPECT_THAT(ModeOf("eth0"), HasSubstr("tcx: a veth loses native XDP's answers"));
  EXPECT_EQ(ExpectedArpReply(), Ask(ArpFrame({}), kSoon));
}

TEST_F(NodeTest, AnswersArpByGenericXdp) {
  PacketPathOptions options = Options();
  options.attach = AttachPreference::kGeneric;
  Open(options);
  EXPECT_EQ("xdp-generic", ModeOf("eth0"));
  EXPECT_EQ(ExpectedArpReply(), Ask(ArpFrame({}), kSoon));
}

TEST_F(NodeTest, FallsBackToTcxWhereXdpIsTaken) {
  const Occupant occupant("eth0");
  Open(Options());
  EXPECT_THAT(ModeOf("eth0"), HasSubstr("tcx: attaching by native XDP: Device or resource busy"));
  EXPECT_EQ(ExpectedArpReply(), Ask(ArpFrame({}), kSoon));
}

TEST_F(NodeTest, FallsBackToTcxWhereLibxdpCannotShare) {
  PacketPathOptions options = Options();
  options.attach = AttachPreference::kLibxdp;
  Open(options);
  if (ModeOf("eth0") == "libxdp") GTEST_SKIP() << "freplace works here";
  EXPECT_EQ("tcx: libxdp: cannot run: freplace refused by the kernel; served by tcx",
            ModeOf("eth0"));
  EXPECT_EQ(ExpectedArpReply(), Ask(ArpFrame({}), kSoon));
}

TEST_F(NodeTest, AnswersPriorityTaggedArpByTcx) {
  Open(Options());
  // (A packet socket shows the frame without its tag.)
  EXPECT_EQ(ExpectedArpReply(), Ask(Tagged(ArpFrame({}), 0x6000), kSoon));
  EXPECT_EQ(1u, Count(VERDICT_ARP_ANSWERED));
}

TEST_F(NodeTest, LeavesTaggedFramesToVlanDevices) {
  Open(Options());
  EXPECT_EQ(std::nullopt, Ask(Tagged(ArpFrame({}), 5), kNever));
  EXPECT_THAT(path_->ReadCounters()->by_reason, Each(0));
}

TEST_F(NodeTest, AnswersNeighbourSolicitation) {
  Open(Options());
  const Frame expected = NdpFrame({.to = kClientMac,
                                   .from = kNodeMac,
                                   .source = kVip6,
                                   .destination = "2001:db8::99",
                                   .type = 136,
                                   .flags = 0x60000000,
                                   .options = {2, 1, 2, 0, 0, 0, 0, 0x0a}});
  EXPECT_EQ(expected, Ask(NdpFrame({}), kSoon));
  EXPECT_EQ(1u, Count(VERDICT_NDP_ANSWERED));
}

TEST_F(NodeTest, JoinsTheSolicitedNodeGroup) {
  Open(Options());
  EXPECT_THAT(lan_->Node("ip maddr show dev eth0"), HasSubstr("33:33:ff:00:02:00"));
  Apply({MakeVip(kVip)});
  EXPECT_THAT(lan_->Node("ip maddr show dev eth0"), Not(HasSubstr("33:33:ff:00:02:00")));
}

TEST_F(NodeTest, IsSilentAboutWhatItDoesNotOwn) {
  Open(Options());
  Vip foreign = MakeVip(kVip);
  foreign.owned = false;
  Apply({foreign});
  EXPECT_EQ(std::nullopt, Ask(ArpFrame({}), kNever));
  EXPECT_EQ(1u, Count(VERDICT_NOT_OWNED));
}

TEST_F(NodeTest, IsSilentAfterTheDeadline) {
  Open(Options());
  ASSERT_EQ(absl::OkStatus(), path_->ExpireDeadline());
  EXPECT_EQ(std::nullopt, Ask(ArpFrame({}), kNever));
  EXPECT_EQ(1u, Count(VERDICT_EXPIRED));
}

VipDeadline HeldFor(std::string_view vip, absl::Duration time) {
  return {IpAddress::Parse(vip).value(), MonotonicNow() + time};
}

TEST_F(NodeTest, AnswersForWhatItHoldsAndNothingElse) {
  Open(Options());
  const VipDeadline held[] = {HeldFor(kVip, absl::Seconds(60))};
  EXPECT_EQ(false, path_->Hold(held).value());  // held before, by Open
  EXPECT_EQ(ExpectedArpReply(), Ask(ArpFrame({}), kSoon));
  EXPECT_EQ(std::nullopt, Ask(NdpFrame({}), kNever));
  EXPECT_EQ(1u, Count(VERDICT_NOT_OWNED));
  EXPECT_EQ(std::vector<IpAddress>{held[0].vip}, path_->Held());
  EXPECT_EQ(false, path_->Hold({}).value());
  EXPECT_EQ(std::nullopt, Ask(ArpFrame({}), kNever));
  EXPECT_EQ(2u, Count(VERDICT_NOT_OWNED));
}

TEST_F(NodeTest, ATakeoverIsAnnouncedAtOnceAndTheBurstFollows) {
  Open(Options());
  ASSERT_EQ(false, path_->Hold({}).value());
  path_->AnnounceDue(kStart);
  const uint64_t before = Count(VERDICT_ANNOUNCED);
  const VipDeadline held[] = {HeldFor(kVip, absl::Seconds(60))};
  EXPECT_EQ(true, path_->Hold(held).value());
  EXPECT_EQ(before + 2, Count(VERDICT_ANNOUNCED));  // request and reply
  EXPECT_EQ(ExpectedArpReply(), Ask(ArpFrame({}), kSoon));
  EXPECT_EQ(kStart + absl::Milliseconds(50), path_->AnnounceDue(kStart));
  EXPECT_EQ(false, path_->Hold(held).value());
}

TEST_F(NodeTest, ADeadlineThatHasPassedIsNoneHoweverLateItIsWritten) {
  Open(Options());
  const VipDeadline held[] = {HeldFor(kVip, -absl::Milliseconds(1))};
  ASSERT_TRUE(path_->Hold(held).ok());
  EXPECT_EQ(std::nullopt, Ask(ArpFrame({}), kNever));
  EXPECT_EQ(1u, Count(VERDICT_EXPIRED));
}

TEST_F(NodeTest, WhatAFormerProcessLeftCanBeGivenUp) {
  Open(Options());
  path_.reset();
  auto path = PacketPath::Open(Options());
  ASSERT_TRUE(path.ok()) << path.status();
  path_ = *std::move(path);
  Apply({MakeVip(kVip), MakeVip(kVip6)});
  EXPECT_EQ(ExpectedArpReply(), Ask(ArpFrame({}), kSoon));
  ASSERT_EQ(absl::OkStatus(), path_->GiveUpLeftovers());
  EXPECT_EQ(std::nullopt, Ask(ArpFrame({}), kNever));
}

TEST_F(NodeTest, ANewVipDoesNotInheritTheDeadlineOfItsSlot) {
  Open(Options());
  Apply({MakeVip(kVip6)});
  Apply({MakeVip(kVip6), MakeVip(kVip)});
  EXPECT_EQ(std::nullopt, Ask(ArpFrame({}), kNever));
  EXPECT_EQ(1u, Count(VERDICT_NOT_OWNED));
}

// A client that asks all the time, each time as another machine.
TEST_F(NodeTest, AnswersUntilTheDeadlineAndNotAfter) {
  constexpr absl::Duration kTtl = absl::Milliseconds(150);
  Open(Options());
  const Wire wire = lan_->InClient([] { return Wire("eth0"); });
  const absl::Time begin = absl::Now();
  ASSERT_EQ(absl::OkStatus(), path_->RenewDeadline(kTtl));
  const absl::Time renewed = absl::Now();
  absl::Time last_asked = absl::InfinitePast(), silent = renewed;
  for (int i = 0;; ++i) {
    const std::string mac = RequesterMac(i);
    const absl::Time asked = absl::Now();
    wire.Send(ArpFrame({.from = mac, .sender_mac = mac}));
    silent = asked;
    if (!wire.Receive(&IsArpReply, kNever).has_value()) break;
    last_asked = asked;
  }
  EXPECT_LE(last_asked - renewed, kTtl);                         // never longer
  EXPECT_GE(silent - begin, kTtl - 3 * absl::Milliseconds(10));  // and not much shorter: ticks
}

TEST_F(NodeTest, IsSilentOnOtherDevicesOldAndNew) {
  lan_->AddWire("eth1");
  Open(Options());
  lan_->AddWire("eth2");
  ASSERT_EQ(absl::OkStatus(), path_->HandleDeviceEvents(kStart));
  EXPECT_EQ(std::nullopt, Ask(ArpFrame({}), kNever, "eth1"));
  EXPECT_EQ(std::nullopt, Ask(ArpFrame({}), kNever, "eth2"));
  EXPECT_EQ(2u, Count(VERDICT_SILENCED));
  EXPECT_EQ("silence", ModeOf("eth2"));
}

TEST_F(NodeTest, AnnouncesOnlyWhereTheVipSaysSo) {
  lan_->AddWire("eth1");
  PacketPathOptions options = Options();
  options.interfaces = {"eth0", "eth1"};
  Open(options);
  Vip vip = MakeVip(kVip);
  vip.interfaces = {"*1"};
  Apply({vip});
  EXPECT_EQ(std::nullopt, Ask(ArpFrame({}), kNever, "eth0"));
  EXPECT_NE(std::nullopt, Ask(ArpFrame({}), kSoon, "eth1"));
}

// The kernel answers ARP for every local address on every device: what the filters are for.
TEST_F(NodeTest, KernelAloneWouldAnswer) {
  lan_->Node(absl::StrCat("ip route add local ", kVip, " dev lo"));
  EXPECT_EQ(ExpectedArpReply(), Ask(ArpFrame({}), kSoon));
}

class SenderTest : public NodeTest {
 protected:
  // The client knows the VIP at another node; ours sends something from the VIP to the client,
  // whose address it must resolve first. What the client knows then.
  std::string NeighbourAfterReply() const {
    lan_->Client(absl::StrCat("ip neigh replace ", kVip, " lladdr 02:00:00:00:00:0b dev eth0 ",
                              "nud stale"));
    SendDatagram(*lan_, kVip);
    return lan_->Client(absl::StrCat("ip neigh show ", kVip));
  }
};

TEST_F(SenderTest, KernelAloneWouldTurnTheClient) {
  lan_->Node(absl::StrCat("ip route add local ", kVip, " dev lo"));
  EXPECT_THAT(NeighbourAfterReply(), HasSubstr("02:00:00:00:00:0a"));
}

TEST_F(SenderTest, ReplyFromUnownedVipLeavesTheClientAlone) {
  Open(Options());
  Vip foreign = MakeVip(kVip);
  foreign.owned = false;
  Apply({foreign});
  EXPECT_THAT(NeighbourAfterReply(), HasSubstr("02:00:00:00:00:0b"));
  EXPECT_THAT(Count(VERDICT_SENDER_REWRITTEN), Gt(0));
  // The request was made in the node's own name, and answered.
  EXPECT_THAT(lan_->Node(absl::StrCat("ip neigh show ", kClientIp)), HasSubstr(kClientMac));
  EXPECT_THAT(lan_->Client(absl::StrCat("ip neigh show ", kNodeIp)), HasSubstr(kNodeMac));
}

TEST_F(NodeTest, BringsConnectionsToTheListeners) {
  Open(Options());
  const Listener v4(AF_INET), v6(AF_INET6);
  ASSERT_EQ(absl::OkStatus(), path_->SetListeners({.tcp4 = {v4.fd()}, .tcp6 = {v6.fd()}}));
  EXPECT_EQ(0, lan_->InClient([] { return Connect(kVip, 443); }));
  EXPECT_EQ("192.168.0.200:443", v4.Accept());
  EXPECT_EQ(0, lan_->InClient([] { return Connect(kVip6, 443); }));
  EXPECT_EQ("[2001:db8::200]:443", v6.Accept());
  EXPECT_EQ(2u, Count(VERDICT_STEERED));
  EXPECT_EQ(1u, Count(VERDICT_NDP_ANSWERED));
}

TEST_F(NodeTest, SpreadsConnectionsOverTheWorkers) {
  Open(Options());
  const Listener workers[] = {Listener(AF_INET), Listener(AF_INET), Listener(AF_INET)};
  ListenerSockets sockets;
  for (const Listener& worker : workers) sockets.tcp4.push_back(worker.fd());
  ASSERT_EQ(absl::OkStatus(), path_->SetListeners(sockets));
  for (int i = 0; i < 60; ++i) ASSERT_EQ(0, lan_->InClient([] { return Connect(kVip, 443); }));
  std::vector<int> counts;
  for (const Listener& worker : workers) counts.push_back(worker.AcceptAll());
  EXPECT_EQ(60, std::accumulate(counts.begin(), counts.end(), 0));
  EXPECT_THAT(counts, Each(Gt(5)));

  sockets.tcp4.resize(1);
  ASSERT_EQ(absl::OkStatus(), path_->SetListeners(sockets));
  for (int i = 0; i < 20; ++i) ASSERT_EQ(0, lan_->InClient([] { return Connect(kVip, 443); }));
  EXPECT_EQ(20, workers[0].AcceptAll());
}

TEST_F(NodeTest, RefusesPortsWithoutListener) {
  Open(Options());
  const Listener listener(AF_INET);
  ASSERT_EQ(absl::OkStatus(), path_->SetListeners({.tcp4 = {listener.fd()}}));
  const uint16_t wildcard = listener.port();  // of the node itself, on 0.0.0.0
  EXPECT_EQ(0, lan_->InClient([&] { return Connect(kNodeIp, wildcard); }));
  EXPECT_EQ(ECONNREFUSED, lan_->InClient([&] { return Connect(kVip, wildcard); }));
  EXPECT_EQ(1u, Count(VERDICT_PORT_CLOSED));
  EXPECT_EQ(ECONNREFUSED, lan_->InClient([] { return Connect(kVip6, 443); }));
  EXPECT_THAT(Count(VERDICT_NO_WORKER), Gt(0));
}

TEST_F(NodeTest, ServesTheNodeItselfAndItsPods) {
  Open(Options());
  lan_->AddPod("pod0", "10.9.0.1/24", "10.9.0.2/24");
  ASSERT_EQ(absl::OkStatus(), path_->HandleDeviceEvents(kStart));
  const Listener listener(AF_INET);
  ASSERT_EQ(absl::OkStatus(), path_->SetListeners({.tcp4 = {listener.fd()}}));
  EXPECT_EQ(0, Connect(kVip, 443));
  EXPECT_EQ("192.168.0.200:443", listener.Accept());
  EXPECT_EQ(0, lan_->InPod([] { return Connect(kVip, 443); }));
  EXPECT_EQ("192.168.0.200:443", listener.Accept());
}

TEST_F(NodeTest, AnnouncesByArpAndNeighbourAdvertisement) {
  Open(Options());
  const Wire wire = lan_->InClient([] { return Wire("eth0"); });
  EXPECT_EQ(kStart + absl::Milliseconds(50), path_->AnnounceDue(kStart));
  const auto any_announcement = [](const Frame& frame) {
    return frame[12] == 0x08 || (frame[12] == 0x86 && frame[54] == 136);
  };
  std::vector<std::optional<Frame>> frames;
  for (int i = 0; i < 3; ++i) frames.push_back(wire.Receive(any_announcement, kSoon));
  ArpFields arp = {.from = kNodeMac, .sender_mac = kNodeMac, .sender = kVip};
  const Frame request = ArpFrame(arp);
  arp.operation = 2;
  arp.target_mac = kNodeMac;
  const Frame advert = NdpFrame({.to = "33:33:00:00:00:01",
                                 .from = kNodeMac,
                                 .source = kVip6,
                                 .destination = "ff02::1",
                                 .type = 136,
                                 .flags = 0x20000000,
                                 .options = {2, 1, 2, 0, 0, 0, 0, 0x0a}});
  EXPECT_THAT(frames, testing::UnorderedElementsAre(request, ArpFrame(arp), advert));
  EXPECT_EQ(3u, Count(VERDICT_ANNOUNCED));
}

TEST_F(NodeTest, AnnouncesAgainWhenTheCarrierIsBack) {
  Open(Options());
  EXPECT_EQ(kStart + absl::Seconds(35), path_->AnnounceDue(kStart + absl::Seconds(5)));
  const auto carrier = [&] { return path_->devices()[0].carrier; };
  lan_->Client("ip link set eth0 down");
  HandleEventsUntil(kStart + absl::Seconds(6), [&] { return !carrier(); });
  EXPECT_EQ(absl::InfiniteFuture(), path_->AnnounceDue(kStart + absl::Seconds(40)));
  lan_->Client("ip link set eth0 up");
  const absl::Time back = kStart + absl::Seconds(50);
  HandleEventsUntil(back, carrier);
  EXPECT_EQ(back + absl::Milliseconds(50), path_->AnnounceDue(back));
}

TEST_F(NodeTest, ReportsAndDefendsAgainstForeignClaims) {
  Open(Options());
  path_->AnnounceDue(kStart + absl::Seconds(5));
  const Wire wire = lan_->InClient([] { return Wire("eth0"); });
  const Frame claim = ArpFrame({.sender = kVip});
  wire.Send(claim);
  wire.Send(claim);
  const absl::Time later = kStart + absl::Seconds(6);
  const std::vector<ForeignClaim> claims = path_->TakeForeignClaims(later);
  ASSERT_EQ(1u, claims.size());  // one report a second
  EXPECT_EQ(kVip, claims[0].address.ToString());
  EXPECT_EQ(kClientMac, claims[0].claimant.ToString());
  EXPECT_EQ(2u, Count(VERDICT_FOREIGN_CLAIM));
  const uint64_t before = Count(VERDICT_ANNOUNCED);
  path_->AnnounceDue(later);
  EXPECT_EQ(before + 2, Count(VERDICT_ANNOUNCED));
}

}  // namespace
}  // namespace sluice::packet
