// The frames that the programs are tested with, as data: what comes in, and what becomes of it on
// every ingress hook, in the world of ModelWorld().
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/bpf/model.h"

namespace sluice::packet {

struct Row {
  std::string description;
  Frame in;
  Fate fate;
  std::optional<verdict_reason> reason;
  std::optional<Frame> out;  // nullopt: as it came
};

std::vector<Row> ArpRows();
std::vector<Row> NdpRows();

}  // namespace sluice::packet
