#include "dataplane/packet/programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <time.h>

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bpf/abi.h"
#include "bpf/packet.skel.h"
#include "dataplane/core/fd.h"
#include "dataplane/packet/kernel_error.h"

namespace sluice::packet {
namespace {

// An honest requester asks once a minute. The burst and the refill of one second together stay
// within 1000 answers a second.
constexpr int64_t kAnswersPerSecond = 900;
constexpr int64_t kAnswersAtOnce = 100;
constexpr absl::Duration kClaimGap = absl::Seconds(1);

constexpr size_t kLogBytes = 256 * 1024;

void SetRates(packet_bpf& skeleton) {
  const absl::Duration tick = KernelTick();
  skeleton.rodata->millitokens_per_tick =
      static_cast<__u32>(kAnswersPerSecond * 1000 * absl::ToDoubleSeconds(tick));
  skeleton.rodata->millitokens_max = kAnswersAtOnce * 1000;
  skeleton.rodata->claim_gap_ticks = static_cast<__u32>(kClaimGap / tick);
}

// libbpf's own check says only EINVAL.
absl::Status CheckPinnedLayout(const packet_bpf& skeleton) {
  const bpf_map* map;
  bpf_object__for_each_map(map, skeleton.obj) {
    const char* path = bpf_map__pin_path(map);
    if (path == nullptr) continue;
    const core::Fd pinned(bpf_obj_get(path));
    if (!pinned.valid()) continue;
    bpf_map_info info = {};
    __u32 size = sizeof info;
    if (bpf_map_get_info_by_fd(pinned.get(), &info, &size) != 0) {
      return KernelError(errno, absl::StrCat("reading the pinned map ", path));
    }
    if (info.type != bpf_map__type(map) || info.key_size != bpf_map__key_size(map) ||
        info.value_size != bpf_map__value_size(map) ||
        info.max_entries != bpf_map__max_entries(map)) {
      return absl::FailedPreconditionError(
          absl::StrCat("the pinned map ", path, " has another layout than this build's (v",
                       SLUICE_LAYOUT, "): use another folder, or --detach first"));
    }
  }
  return absl::OkStatus();
}

// The verifier's last line but the statistics is its reason.
std::string LastLogLine(const std::vector<char>& log) {
  std::string_view text(log.data());
  const size_t statistics = text.rfind("processed ");
  if (statistics != std::string_view::npos) text = text.substr(0, statistics);
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  const size_t line = text.rfind('\n');
  return std::string(line == std::string_view::npos ? text : text.substr(line + 1));
}

}  // namespace

void Programs::Close::operator()(packet_bpf* skeleton) const { packet_bpf__destroy(skeleton); }

absl::StatusOr<Programs> Programs::Open(const std::string& folder) {
  libbpf_set_print(nullptr);  // its words reach us in the log and in errno
  std::vector<char> log(kLogBytes);
  LIBBPF_OPTS(bpf_object_open_opts, options, .kernel_log_buf = log.data(),
              .kernel_log_size = log.size());
  if (!folder.empty()) options.pin_root_path = folder.c_str();
  Skeleton skeleton(packet_bpf__open_opts(&options));
  if (skeleton == nullptr) return KernelError(errno, "opening the BPF programs");
  bpf_map* map;
  bpf_object__for_each_map(map, skeleton->obj) {
    if (folder.empty()) bpf_map__set_pin_path(map, nullptr);  // else libbpf's default folder
  }
  SetRates(*skeleton);
  Programs programs(std::move(skeleton));
  programs.log_ = std::move(log);
  return programs;
}

absl::StatusOr<Programs> Programs::Load(const std::string& folder) {
  absl::StatusOr<Programs> programs = Open(folder);
  if (!programs.ok()) return programs;
  packet_bpf& skeleton = *programs->skeleton_;
  if (absl::Status status = CheckPinnedLayout(skeleton); !status.ok()) return status;
  if (const int error = packet_bpf__load(&skeleton); error != 0) {
    const std::string reason = LastLogLine(programs->log_);
    return KernelError(error, reason.empty()
                                  ? "loading the BPF programs"
                                  : absl::StrCat("loading the BPF programs (", reason, ")"));
  }
  programs->log_ = {};
  return programs;
}

absl::Duration KernelTick() {
  timespec resolution;
  clock_getres(CLOCK_MONOTONIC_COARSE, &resolution);
  return absl::DurationFromTimespec(resolution);
}

}  // namespace sluice::packet
