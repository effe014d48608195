// How the packet path comes, stays and goes: adoption, repair, detachment, privileges, bad input.
#include <bpf/bpf.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "absl/strings/str_cat.h"
#include "bpf/abi.h"
#include "tests/bpf/node_fixture.h"

namespace sluice::packet {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// While it lives, this thread has only the given capabilities in effect.
class Capabilities {
 public:
  explicit Capabilities(std::initializer_list<int> kept) {
    Call(SYS_capget, before_);
    __user_cap_data_struct now[2] = {before_[0], before_[1]};
    now[0].effective = now[1].effective = 0;
    for (const int capability : kept) now[capability / 32].effective |= 1u << (capability % 32);
    Call(SYS_capset, now);
  }
  ~Capabilities() { Call(SYS_capset, before_); }

 private:
  static void Call(long call, __user_cap_data_struct (&data)[2]) {
    __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    EXPECT_EQ(0, syscall(call, &header, data));
  }
  __user_cap_data_struct before_[2];
};

int ProgramsAt(bpf_attach_type type) {
  LIBBPF_OPTS(bpf_prog_query_opts, options);
  EXPECT_EQ(0, bpf_prog_query_opts(static_cast<int>(if_nametoindex("eth0")), type, &options));
  return static_cast<int>(options.count);
}

class LifecycleTest : public NodeTest {
 protected:
  std::string VipRoutes() const {
    return lan_->Node("ip route show table local proto 83; ip -6 route show table local proto 83");
  }
  core::Fd Map(const std::string& name) const {
    return core::Fd(bpf_obj_get(absl::StrCat(lan_->folder(), "/", name).c_str()));
  }
  std::string LinkPath(const std::string& kind) const {
    return absl::StrCat(lan_->folder(), "/links/", kind, "-", if_nametoindex("eth0"));
  }
  int Reconcile() const {
    const absl::StatusOr<int> repaired = path_->Reconcile(kStart);
    EXPECT_TRUE(repaired.ok()) << repaired.status();
    return repaired.value_or(-1);
  }
};

TEST_F(LifecycleTest, KeepsEverythingForItsOwner) {
  Open(Options());
  struct stat info;
  ASSERT_EQ(0, stat(lan_->folder().c_str(), &info));
  EXPECT_EQ(0700u, info.st_mode & 0777);
  EXPECT_EQ(absl::StrCat("local ", kVip, " dev lo scope host \nlocal ", kVip6,
                         " dev lo metric 1024 pref medium\n"),
            VipRoutes());
}

TEST_F(LifecycleTest, AnswersOnWithoutAnAgent) {
  Open(Options());
  path_.reset();
  EXPECT_EQ(ExpectedArpReply(), Ask(ArpFrame({}), kSoon));
}

// A client asks all the time, each time as another machine, while agents come and go.
TEST_F(LifecycleTest, AdoptsPinsWithoutAGap) {
  Open(Options());
  const Listener listener(AF_INET);
  ASSERT_EQ(absl::OkStatus(), path_->SetListeners({.tcp4 = {listener.fd()}}));
  const Wire wire = lan_->InClient([] { return Wire("eth0"); });
  std::atomic<bool> done = false;
  int asked = 0, answered = 0;
  std::thread client([&] {
    while (!done || asked < 100) {
      const std::string mac = RequesterMac(asked);
      wire.Send(ArpFrame({.from = mac, .sender_mac = mac}));
      ++asked;
      answered += wire.Receive(&IsArpReply, kSoon).has_value();
    }
  });
  for (int i = 0; i < 5; ++i) {
    path_.reset();
    auto path = PacketPath::Open(Options());
    ASSERT_TRUE(path.ok()) << path.status();
    path_ = *std::move(path);
    Apply({MakeVip(kVip), MakeVip(kVip6)});
  }
  done = true;
  client.join();
  EXPECT_EQ(asked, answered);
  EXPECT_EQ(0, Reconcile());
  EXPECT_EQ(static_cast<uint64_t>(asked), Count(VERDICT_ARP_ANSWERED));  // counters live on
  EXPECT_EQ(1, ProgramsAt(BPF_TCX_INGRESS));
  EXPECT_EQ(0, lan_->InClient([] { return Connect(kVip, 443); }));  // so do the listeners
  ASSERT_EQ(absl::OkStatus(), path_->RenewDeadline(absl::Seconds(60)));
  EXPECT_EQ(kStart + absl::Seconds(30), path_->AnnounceDue(kStart));  // and nothing is taken over
}

TEST_F(LifecycleTest, DetachLeavesNothing) {
  Open(Options());
  path_.reset();
  ASSERT_EQ(absl::OkStatus(), PacketPath::Detach(lan_->folder()));
  EXPECT_FALSE(std::filesystem::exists(lan_->folder()));
  EXPECT_EQ("", VipRoutes());
  EXPECT_EQ("", lan_->Node("ip -6 addr show proto 83 2>/dev/null || ip -6 addr show | grep ff02 "
                           "|| true"));
  for (const bpf_attach_type type : {BPF_XDP, BPF_TCX_INGRESS, BPF_TCX_EGRESS}) {
    if (type != BPF_XDP) EXPECT_EQ(0, ProgramsAt(type));
  }
  EXPECT_THAT(lan_->Node("ip link show eth0"), testing::Not(HasSubstr("xdp")));
  EXPECT_EQ(absl::OkStatus(), PacketPath::Detach(lan_->folder()));  // nothing is no error
}

TEST_F(LifecycleTest, DetachWorksBesideARunningAgent) {
  Open(Options());
  ASSERT_EQ(absl::OkStatus(), PacketPath::Detach(lan_->folder()));
  EXPECT_EQ(0, ProgramsAt(BPF_TCX_INGRESS));
  EXPECT_EQ(std::nullopt, Ask(ArpFrame({}), kNever));
}

TEST_F(LifecycleTest, RemovedVipIsGoneAndItsCountsRemain) {
  Open(Options());
  Ask(ArpFrame({}), kSoon);
  Apply({});
  EXPECT_EQ("", VipRoutes());
  EXPECT_EQ(std::nullopt, Ask(ArpFrame({}), kNever));
  const Counters counters = path_->ReadCounters().value();
  EXPECT_THAT(counters.vips, IsEmpty());
  EXPECT_EQ(1u, counters.by_reason[VERDICT_ARP_ANSWERED]);
  Apply({MakeVip("192.168.0.201")});
  EXPECT_THAT(path_->ReadCounters()->vips[0].by_reason, Each(0));
}

TEST_F(LifecycleTest, RepairsDrift) {
  Open(Options());
  EXPECT_EQ(0, Reconcile());

  lan_->Node(absl::StrCat("ip route del local ", kVip, " dev lo table local"));
  EXPECT_EQ(1, Reconcile());

  lan_->Node(absl::StrCat("ip addr del ff02::1:ff00:200/128 dev eth0"));
  EXPECT_EQ(1, Reconcile());

  ASSERT_EQ(0, bpf_map_delete_elem(Map("vips4").get(), Ip(kVip).v4().data()));
  ASSERT_EQ(0, bpf_map_delete_elem(Map("vips6").get(), Ip(kVip6).bytes.data()));
  EXPECT_EQ(2, Reconcile());

  const uint32_t slot = if_nametoindex("eth0") % DEVICE_SLOTS;
  const device_entry nothing = {};
  ASSERT_EQ(0, bpf_map_update_elem(Map("devices").get(), &slot, &nothing, BPF_ANY));
  EXPECT_EQ(1, Reconcile());

  for (const std::string kind : {"xdp", "ingress", "egress"}) {
    const core::Fd link(bpf_obj_get(LinkPath(kind).c_str()));
    ASSERT_EQ(0, bpf_link_detach(link.get()));
    EXPECT_EQ(1, Reconcile()) << kind;
  }
  std::filesystem::remove(LinkPath("xdp"));
  EXPECT_EQ(1, Reconcile());

  EXPECT_EQ(0, Reconcile());
  EXPECT_EQ(9u, path_->ReadCounters()->drift_repaired);
  EXPECT_EQ(ExpectedArpReply(), Ask(ArpFrame({}), kSoon));
}

TEST_F(LifecycleTest, FollowsADeviceThatComesBack) {
  Open(Options());
  lan_->Node("ip link set eth0 name old0");
  ASSERT_EQ(absl::OkStatus(), path_->HandleDeviceEvents(kStart));
  EXPECT_EQ("none: no such interface now", ModeOf("eth0"));
  EXPECT_EQ(std::nullopt, Ask(ArpFrame({}), kNever));
  lan_->Node("ip link set old0 name eth0");
  ASSERT_EQ(absl::OkStatus(), path_->HandleDeviceEvents(kStart));
  EXPECT_EQ("xdp", ModeOf("eth0"));
  EXPECT_EQ(ExpectedArpReply(), Ask(ArpFrame({}), kSoon));
}

TEST_F(LifecycleTest, LeavesPortsToTheirBridge) {
  lan_->Node("ip link add br0 type bridge && ip link set br0 up && ip link set eth0 master br0");
  auto port = PacketPath::Open(Options());
  EXPECT_EQ("eth0 is the port of a bridge: announce on that device instead",
            port.status().message());
  PacketPathOptions options = Options();
  options.interfaces = {"br0"};
  Open(options);
  EXPECT_EQ("no such device", ModeOf("eth0"));
  EXPECT_TRUE(Ask(ArpFrame({}), kSoon).has_value());
}

// What the agent runs with: CAP_PERFMON only while it loads, or not at all.
class PrivilegeTest : public LifecycleTest, public testing::WithParamInterface<bool> {};

TEST_P(PrivilegeTest, BpfAndNetAdminAreEnough) {
  {
    const Capabilities at_start = GetParam() ? Capabilities({CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON})
                                             : Capabilities({CAP_BPF, CAP_NET_ADMIN});
    Open(Options());
  }
  const Listener listener(AF_INET);
  {
    const Capabilities steady({CAP_BPF, CAP_NET_ADMIN});
    EXPECT_EQ(absl::OkStatus(), path_->SetListeners({.tcp4 = {listener.fd()}}));
    EXPECT_EQ(absl::OkStatus(), path_->RenewDeadline(absl::Seconds(60)));
    path_->AnnounceDue(kStart);
    EXPECT_EQ(3u, Count(VERDICT_ANNOUNCED));
    EXPECT_EQ(0, Reconcile());
    Apply({MakeVip(kVip)});
    path_->TakeForeignClaims(kStart);
  }
  EXPECT_EQ(ExpectedArpReply(), Ask(ArpFrame({}), kSoon));
  EXPECT_EQ(0, lan_->InClient([] { return Connect(kVip, 443); }));
  const Capabilities steady({CAP_BPF, CAP_NET_ADMIN});
  EXPECT_EQ(absl::OkStatus(), PacketPath::Detach(lan_->folder()));
}

INSTANTIATE_TEST_SUITE_P(Perfmon, PrivilegeTest, testing::Bool());

TEST_F(LifecycleTest, NamesTheMissingCapability) {
  struct Row {
    std::initializer_list<int> kept;
    std::string missing;
  };
  for (const Row& row :
       {Row{{CAP_NET_ADMIN, CAP_PERFMON}, "CAP_BPF"}, Row{{CAP_BPF, CAP_PERFMON}, "CAP_NET_ADMIN"},
        Row{{}, "CAP_BPF, CAP_NET_ADMIN"}}) {
    const Capabilities limited(row.kept);
    const auto path = PacketPath::Open(Options());
    EXPECT_EQ(absl::StatusCode::kPermissionDenied, path.status().code());
    EXPECT_THAT(path.status().message(),
                HasSubstr(absl::StrCat(": this process lacks ", row.missing, ": ")));
    EXPECT_FALSE(std::filesystem::exists(lan_->folder()));  // a failed start leaves nothing
  }
}

TEST_F(LifecycleTest, RefusesWhatIsNotThere) {
  struct Row {
    std::string folder;
    std::vector<std::string> interfaces;
    std::string message;
  };
  const Row rows[] = {
      {lan_->folder(), {"eth7"}, "no such interface: eth7"},
      {lan_->folder(), {"lo"}, "lo is not an Ethernet device"},
      {"/tmp/sluice-pins",
       {"eth0"},
       "/tmp/sluice-pins is not on a bpffs: mount -t bpf bpf /sys/fs/bpf"},
  };
  for (const Row& row : rows) {
    const auto path = PacketPath::Open({.folder = row.folder, .interfaces = row.interfaces});
    EXPECT_EQ(row.message, path.status().message());
    EXPECT_FALSE(std::filesystem::exists(row.folder));
  }
}

TEST_F(LifecycleTest, RefusesMapsOfAnotherLayout) {
  std::filesystem::create_directory(lan_->folder());
  const core::Fd other(bpf_map_create(BPF_MAP_TYPE_HASH, "vips4", 4, 64, MAX_VIPS, nullptr));
  const std::string pin = lan_->folder() + "/vips4";
  ASSERT_EQ(0, bpf_obj_pin(other.get(), pin.c_str()));
  const auto path = PacketPath::Open(Options());
  EXPECT_EQ(absl::StrCat("the pinned map ", pin, " has another layout than this build's (v",
                         SLUICE_LAYOUT, "): use ", "another folder, or --detach first"),
            path.status().message());
}

TEST_F(LifecycleTest, LeavesTheNodesOwnAddressesAlone) {
  Open(Options());
  const Listener listener(AF_INET);
  const VipTable table = {MakeVip(kNodeIp), MakeVip(kVip), MakeVip("2001:db8::10")};
  const absl::Status status = path_->Apply(table, kStart);
  EXPECT_EQ("VIP 192.168.0.10 is an address of this node's eth0: not served", status.message());
  EXPECT_EQ(1u, path_->ReadCounters()->vips.size());
  EXPECT_EQ(0, lan_->InClient([&] { return Connect(kNodeIp, listener.port()); }));
  EXPECT_EQ(ExpectedArpReply(), Ask(ArpFrame({}), kSoon));

  lan_->Node("ip addr del 2001:db8::10/64 dev eth0");
  ASSERT_EQ(status, path_->HandleDeviceEvents(kStart));
  EXPECT_EQ(2u, path_->ReadCounters()->vips.size());
}

}  // namespace
}  // namespace sluice::packet
