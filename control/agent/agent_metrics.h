// The agent's own metrics as Prometheus text. Pure: facts in, text out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "control/agent/vip_ownership.h"
#include "control/publish/publisher.h"
#include "control/source/file_source.h"
#include "dataplane/packet/packet_path.h"

namespace sluice::agent {

struct AgentFacts {
  publish::Report report;
  size_t objects = 0;
  size_t problems = 0;
  bool source_ok = true;
  uint64_t compiles = 0;
  double compile_seconds = 0;  // the last one
  uint64_t liveness_answers = 0;
  uint64_t liveness_failures = 0;
  uint64_t foreign_claims = 0;
  std::optional<packet::Counters> packets;  // nullopt: no packet path
  std::optional<OwnershipReport> ownership;
  int statm = -1;  // see metrics::AddProcess
};

std::string MetricsText(const AgentFacts& facts);

}  // namespace sluice::agent
