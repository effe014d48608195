// packet_cost [--json]: nanoseconds of the packet path by BPF_PROG_TEST_RUN, the least of many
// runs, with the capabilities that the agent loads with. "arp answer" is cost_arp less what writing
// the request takes; "empty" is the harness itself, and in every figure.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "bpf/abi.h"
#include "dataplane/packet/address.h"
#include "tests/bpf/frames.h"
#include "tests/bpf/programs/cost.skel.h"

namespace sluice::packet {
namespace {

constexpr int kRuns = 25;
constexpr int kRepeat = 400'000;

// The least ns of a run; -1 if the verdict is not `expected`.
int Measure(const bpf_program* program, const Frame& frame, uint32_t expected) {
  uint32_t least = UINT32_MAX;
  for (int i = 0; i < kRuns; ++i) {
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(),
                .data_size_in = static_cast<__u32>(frame.size()), .repeat = kRepeat);
    const int error = bpf_prog_test_run_opts(bpf_program__fd(program), &options);
    if (error != 0 || options.retval != expected) return -1;
    least = std::min(least, options.duration);
  }
  return static_cast<int>(least);
}

cost_bpf* Load(const Frame& request) {
  cost_bpf* skeleton = cost_bpf__open();
  if (skeleton == nullptr) return nullptr;
  bpf_map* map;
  bpf_object__for_each_map(map, skeleton->obj) bpf_map__set_pin_path(map, nullptr);
  std::memcpy(skeleton->rodata->request, request.data(), request.size());
  skeleton->rodata->millitokens_per_tick = 1'000'000'000;  // never the bound, always its cost
  skeleton->rodata->millitokens_max = 4'000'000'000;
  if (cost_bpf__load(skeleton) != 0) return nullptr;
  const std::array<uint8_t, 4> vip = {192, 168, 0, 200};
  const vip_entry entry = {.slot = SLOT_FIRST_VIP, .flags = VIP_OWNED, .devices = 1};
  const __u32 ifindex = 1, slot = SLOT_FIRST_VIP;  // test_run's frames come from loopback
  const device_entry device = {.ifindex = ifindex, .bit = 1, .mac = {2, 0, 0, 0, 0, 0x0a}};
  const __u64 deadline = UINT64_MAX;
  bpf_map_update_elem(bpf_map__fd(skeleton->maps.vips4), vip.data(), &entry, BPF_ANY);
  bpf_map_update_elem(bpf_map__fd(skeleton->maps.devices), &ifindex, &device, BPF_ANY);
  bpf_map_update_elem(bpf_map__fd(skeleton->maps.deadlines), &slot, &deadline, BPF_ANY);
  return skeleton;
}

int Main(bool json) {
  const Frame request = ArpFrame({.padding = 6});  // 48 bytes, as cost_write writes them
  const Frame foreign = ArpFrame({.target = "192.168.0.7"});
  Frame tcp(60);
  const Frame header = ArpFrame({.ether_type = 0x0800});
  std::copy_n(header.begin(), 14, tcp.begin());
  cost_bpf* skeleton = Load(request);
  if (skeleton == nullptr) {
    std::fprintf(stderr, "packet_cost: cannot load the programs: %s\n", std::strerror(errno));
    return 1;
  }
  const int empty = Measure(skeleton->progs.cost_empty, tcp, XDP_PASS);
  const int pass = Measure(skeleton->progs.vip_xdp, tcp, XDP_PASS);
  const int foreign_arp = Measure(skeleton->progs.vip_xdp, foreign, XDP_PASS);
  const int write = Measure(skeleton->progs.cost_write, request, XDP_PASS);
  const int answer = Measure(skeleton->progs.cost_arp, request, XDP_TX);
  cost_bpf__destroy(skeleton);
  const int arp = answer - (write - empty);
  std::printf(json ? "{\"empty_ns\": %d, \"pass_ns\": %d, \"foreign_arp_ns\": %d, "
                     "\"arp_answer_ns\": %d}\n"
                   : "empty %d ns, pass %d ns, ARP for others %d ns, ARP answer %d ns\n",
              empty, pass, foreign_arp, arp);
  return empty < 0 || pass < 0 || foreign_arp < 0 || write < 0 || answer < 0;
}

}  // namespace
}  // namespace sluice::packet

int main(int argc, char** argv) {
  return sluice::packet::Main(argc > 1 && std::string_view(argv[1]) == "--json");
}
