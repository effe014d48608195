// The programs, loaded without pins and run one frame at a time by BPF_PROG_TEST_RUN, in a small
// world of VIPs that ModelWorld() describes. Frames arrive from device 1. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <ostream>

#include "absl/time/time.h"
#include "bpf/verdict_reasons.h"
#include "dataplane/packet/programs.h"
#include "tests/bpf/model.h"

namespace sluice::packet {

enum class Run { kXdp, kIngress, kEgress };
std::ostream& operator<<(std::ostream& out, Run run);

class BenchPrograms {
 public:
  // Limited: with the rates that are shipped; else no requester is ever refused.
  enum class Rates { kShipped, kUnbounded };

  // nullptr and a skip of the test where BPF cannot be had.
  static std::unique_ptr<BenchPrograms> Load(Rates rates, const World& world);

  // Whether BPF_PROG_TEST_RUN takes the frame: an skb must not be empty behind its Ethernet header,
  // and holds an IP header if it says so.
  static bool Takes(Run run, const Frame& frame);
  // What became of `frame`. The reason is not in it: see TakeCounts.
  Outcome Send(Run run, const Frame& frame) const;
  // What was counted since the last call, the node's total.
  std::array<uint64_t, VERDICT_COUNT> TakeCounts();
  void RenewDeadline(uint64_t ticks) const;

 private:
  explicit BenchPrograms(Programs programs) : programs_(std::move(programs)) {}
  void Fill(const World& world) const;

  Programs programs_;
  std::array<uint64_t, VERDICT_COUNT> seen_{};
};

}  // namespace sluice::packet
