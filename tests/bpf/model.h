// What the programs should do with a frame, in plain C++ and in another way: written from the
// RFCs and the design, byte by byte, to be compared with the programs on any input. Pure.
// Rates and deadline are left out: in the model they never refuse.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <vector>

#include "bpf/verdict_reasons.h"
#include "dataplane/packet/announcement.h"

namespace sluice::packet {

enum class Fate { kPass, kDrop, kReply };

struct Outcome {
  Fate fate = Fate::kPass;
  Frame frame;  // as it leaves; untouched unless it is a reply or mended

  bool operator==(const Outcome&) const = default;
};

struct Prediction {
  Outcome outcome;
  std::optional<verdict_reason> reason;  // nullopt: nothing is counted
};

struct ModelVip {
  IpAddress address;
  bool owned = false;
  bool announced_here = false;
};

struct World {
  MacAddress mac;     // of the device
  IpAddress address;  // the node's own, IPv4
  std::vector<ModelVip> vips;
};

// 192.168.0.200 and 2001:db8::200 are ours; .201 and ::201 another's; .202 is ours but not
// announced on this device.
World ModelWorld();

Prediction PredictIngress(const World& world, const Frame& frame);
Prediction PredictEgress(const World& world, const Frame& frame);

std::ostream& operator<<(std::ostream& out, const Outcome& outcome);

}  // namespace sluice::packet
