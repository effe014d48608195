#include "tests/bpf/bench_programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>

#include <cstring>

#include "absl/log/check.h"
#include "absl/log/log.h"
#include "bpf/abi.h"
#include "bpf/packet.skel.h"
#include "dataplane/packet/bpf_map.h"
#include "dataplane/packet/kernel_error.h"

namespace sluice::packet {
namespace {

constexpr uint32_t kDevice = 1;  // test_run's frames come from loopback
constexpr uint32_t kBit = 1;
constexpr uint64_t kFarTicks = uint64_t{1} << 40;
constexpr int kTcxNext = -1, kTcxDrop = 2, kTcxRedirect = 7;

Fate FateOf(Run run, int verdict) {
  if (run == Run::kXdp && verdict == XDP_PASS) return Fate::kPass;
  if (run == Run::kXdp && verdict == XDP_DROP) return Fate::kDrop;
  if (run == Run::kXdp && verdict == XDP_TX) return Fate::kReply;
  if (run != Run::kXdp && verdict == kTcxNext) return Fate::kPass;
  if (run != Run::kXdp && verdict == kTcxDrop) return Fate::kDrop;
  if (run != Run::kXdp && verdict == kTcxRedirect) return Fate::kReply;
  LOG(FATAL) << "verdict " << verdict << ": the program was aborted, or has a new one";
}

}  // namespace

std::ostream& operator<<(std::ostream& out, Run run) {
  constexpr const char* kNames[] = {"xdp", "ingress", "egress"};
  return out << kNames[static_cast<int>(run)];
}

std::unique_ptr<BenchPrograms> BenchPrograms::Load(Rates rates, const World& world) {
  absl::StatusOr<Programs> programs = Programs::Open("");
  CHECK_OK(programs);
  if (rates == Rates::kUnbounded) {
    (*programs)->rodata->millitokens_per_tick = 2'000'000'000;
    (*programs)->rodata->millitokens_max = 4'000'000'000;
  }
  if (const int error = bpf_object__load((*programs)->obj); error != 0) {
    const std::string missing = MissingCapabilities();
    CHECK(!missing.empty()) << KernelError(error, "loading the programs");
    return nullptr;
  }
  auto bench = std::unique_ptr<BenchPrograms>(new BenchPrograms(*std::move(programs)));
  bench->Fill(world);
  bench->RenewDeadline(kFarTicks);
  return bench;
}

void BenchPrograms::Fill(const World& world) const {
  uint32_t slot = SLOT_FIRST_VIP;
  for (const ModelVip& vip : world.vips) {
    const vip_entry entry = {.slot = slot++,
                             .flags = vip.owned ? __u32{VIP_OWNED} : 0,
                             .devices = vip.announced_here ? kBit : 0};
    CHECK_EQ(0, vip.address.is_v4()
                    ? UpdateMap(bpf_map__fd(programs_->maps.vips4), vip.address.v4(), entry)
                    : UpdateMap(bpf_map__fd(programs_->maps.vips6), vip.address.bytes, entry));
  }
  device_entry device = {.ifindex = kDevice, .bit = kBit};
  std::memcpy(device.mac, world.mac.bytes.data(), sizeof device.mac);
  std::memcpy(&device.address_v4, world.address.v4().data(), sizeof device.address_v4);
  CHECK_EQ(0, UpdateMap(bpf_map__fd(programs_->maps.devices), kDevice, device));
}

void BenchPrograms::RenewDeadline(uint64_t ticks) const {
  clock_reading now = {};
  LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &now, .ctx_size_in = sizeof now);
  CHECK_EQ(0, bpf_prog_test_run_opts(bpf_program__fd(programs_->progs.read_clock), &options));
  CHECK_GT(now.ticks, 0u);
  for (uint32_t slot = SLOT_FIRST_VIP; slot < SLOT_END; ++slot) {
    CHECK_EQ(0, UpdateMap(bpf_map__fd(programs_->maps.deadlines), slot, __u64{now.ticks + ticks}));
  }
}

bool BenchPrograms::Takes(Run run, const Frame& frame) {
  if (run == Run::kXdp) return frame.size() >= 14;
  if (frame.size() >= 14 && frame[12] == 0x86 && frame[13] == 0xdd) return frame.size() >= 14 + 40;
  if (frame.size() >= 14 && frame[12] == 0x08 && frame[13] == 0x00) return frame.size() >= 14 + 20;
  return frame.size() > 14;
}

Outcome BenchPrograms::Send(Run run, const Frame& frame) const {
  const bpf_program* program = run == Run::kXdp       ? programs_->progs.vip_xdp
                               : run == Run::kIngress ? programs_->progs.vip_ingress
                                                      : programs_->progs.vip_egress;
  Frame out(frame.size() + 256);
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_out = out.data(),
              .data_size_in = static_cast<__u32>(frame.size()),
              .data_size_out = static_cast<__u32>(out.size()));
  CHECK_EQ(0, bpf_prog_test_run_opts(bpf_program__fd(program), &options)) << strerror(errno);
  out.resize(options.data_size_out);
  return {FateOf(run, static_cast<int>(options.retval)), out};
}

std::array<uint64_t, VERDICT_COUNT> BenchPrograms::TakeCounts() {
  std::array<uint64_t, VERDICT_COUNT> now{};
  std::vector<verdict_counters> by_cpu(libbpf_num_possible_cpus());
  for (uint32_t slot = 0; slot < SLOT_FIRST_VIP + 16; ++slot) {
    CHECK_EQ(0, bpf_map_lookup_elem(bpf_map__fd(programs_->maps.verdicts), &slot, by_cpu.data()));
    for (const verdict_counters& counters : by_cpu) {
      for (size_t i = 0; i < now.size(); ++i) now[i] += counters.by_reason[i];
    }
  }
  std::array<uint64_t, VERDICT_COUNT> news = now;
  for (size_t i = 0; i < news.size(); ++i) news[i] -= seen_[i];
  seen_ = now;
  return news;
}

}  // namespace sluice::packet
