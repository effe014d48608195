#include "dataplane/packet/vip_deadlines.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <time.h>

#include <algorithm>
#include <utility>

#include "bpf/abi.h"
#include "bpf/packet.skel.h"
#include "dataplane/packet/announcement.h"
#include "dataplane/packet/bpf_map.h"
#include "dataplane/packet/kernel_error.h"

namespace sluice::packet {
namespace {

absl::StatusOr<clock_reading> ReadClock(const Programs& programs) {
  clock_reading reading = {};
  LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &reading, .ctx_size_in = sizeof reading);
  if (bpf_prog_test_run_opts(bpf_program__fd(programs->progs.read_clock), &options) != 0) {
    return KernelError(errno, "reading the kernel's clock");
  }
  return reading;
}

// In ticks, rounded down; in the past: the tick of the reading, which is over.
uint64_t TicksAt(absl::Time until, const clock_reading& now) {
  const int64_t tick_ns = std::max<int64_t>(absl::ToInt64Nanoseconds(KernelTick()), 1);
  const int64_t ahead_ns = absl::ToUnixNanos(until) - static_cast<int64_t>(now.monotonic_ns);
  return now.ticks + static_cast<uint64_t>(std::max<int64_t>(ahead_ns / tick_ns, 0));
}

}  // namespace

absl::Time MonotonicNow() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return absl::TimeFromTimespec(now);
}

absl::Status VipDeadlines::GiveUp(const IpAddress& vip, uint32_t slot) {
  const int error = UpdateMap(bpf_map__fd(programs_->maps.deadlines), slot, __u64{0});
  if (error == 0) return absl::OkStatus();
  return KernelError(error, "giving up VIP " + vip.ToString());
}

absl::Status VipDeadlines::SetPlaces(std::map<IpAddress, Place> places) {
  const std::lock_guard lock(mutex_);
  absl::Status first;
  for (const auto& [vip, place] : places_) {
    const auto kept = places.find(vip);
    if (kept != places.end() && kept->second.slot == place.slot) continue;
    held_.erase(vip);
    if (absl::Status given_up = GiveUp(vip, place.slot); first.ok()) first = given_up;
  }
  places_ = std::move(places);
  return first;
}

absl::StatusOr<std::vector<IpAddress>> VipDeadlines::Hold(std::span<const VipDeadline> vips) {
  const std::lock_guard lock(mutex_);
  return HoldLocked(vips);
}

absl::StatusOr<std::vector<IpAddress>> VipDeadlines::HoldAll(absl::Duration ttl) {
  const std::lock_guard lock(mutex_);
  std::vector<VipDeadline> vips;
  const absl::Time until = MonotonicNow() + ttl;
  for (const auto& [vip, place] : places_) vips.push_back({vip, until});
  return HoldLocked(vips);
}

absl::StatusOr<std::vector<IpAddress>> VipDeadlines::HoldLocked(std::span<const VipDeadline> vips) {
  const absl::StatusOr<clock_reading> now = ReadClock(programs_);
  if (!now.ok()) return now.status();
  const int map = bpf_map__fd(programs_->maps.deadlines);
  std::map<IpAddress, bool> former = std::exchange(held_, {});
  std::vector<IpAddress> taken_over;
  std::vector<uint32_t> slots;
  std::vector<__u64> untils;
  for (const VipDeadline& deadline : vips) {
    const auto place = places_.find(deadline.vip);
    if (place == places_.end()) continue;
    const uint32_t slot = place->second.slot;
    const auto held = former.find(deadline.vip);
    __u64 until = 0;
    if (held == former.end()) bpf_map_lookup_elem(map, &slot, &until);
    const bool known = held == former.end() ? until > now->ticks : held->second;
    slots.push_back(slot);
    untils.push_back(TicksAt(deadline.until, *now));
    held_.emplace(deadline.vip, known);
    if (held != former.end()) {
      former.erase(held);
    } else if (!known) {
      taken_over.push_back(deadline.vip);
    }
  }
  for (const auto& [vip, known] : former) {
    const auto place = places_.find(vip);
    if (place == places_.end()) continue;
    slots.push_back(place->second.slot);
    untils.push_back(0);
  }
  const int error = UpdateMap(map, slots, untils);
  if (error == 0) return taken_over;
  // Nothing is certain now: all of it is tried again.
  held_.clear();
  return KernelError(error, "writing the deadlines of VIPs");
}

absl::Status VipDeadlines::GiveUpLeftovers() {
  const std::lock_guard lock(mutex_);
  for (const auto& [vip, place] : places_) {
    if (held_.contains(vip)) continue;
    if (absl::Status given_up = GiveUp(vip, place.slot); !given_up.ok()) return given_up;
  }
  return absl::OkStatus();
}

void VipDeadlines::Announce(std::span<const IpAddress> vips) const {
  const std::lock_guard lock(mutex_);
  for (const IpAddress& vip : vips) {
    const auto place = places_.find(vip);
    if (place == places_.end()) continue;
    for (const Place::Port& port : place->second.ports) {
      SendAnnouncement(programs_, vip, place->second.slot, port);
    }
  }
}

std::map<IpAddress, bool> VipDeadlines::Held() const {
  const std::lock_guard lock(mutex_);
  return held_;
}

bool SendAnnouncement(const Programs& programs, const IpAddress& vip, uint32_t slot,
                      const VipDeadlines::Place::Port& port) {
  __sk_buff context = {};
  context.cb[0] = static_cast<__u32>(port.ifindex);
  context.cb[1] = slot;
  bool sent = true;
  for (const Frame& frame : AnnouncementFrames(vip, port.mac)) {
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(),
                .data_size_in = static_cast<__u32>(frame.size()), .ctx_in = &context,
                .ctx_size_in = sizeof context);
    const int program = bpf_program__fd(programs->progs.vip_announce);
    sent &= bpf_prog_test_run_opts(program, &options) == 0 && options.retval == 0;
  }
  return sent;
}

}  // namespace sluice::packet
