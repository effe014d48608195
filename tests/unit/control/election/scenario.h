// What befalls a LAN of nodes in one simulated run: made from a seed, and a plain list, so that a
// failing one can be shrunk by leaving faults out. Times are milliseconds of the true clock.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace sluice::election {

// A run: it settles, faults come and go until kCalm, those that are left stay until kHeal, then
// all is well again until kEnd.
inline constexpr int kSettled = 500, kCalm = 1700, kHeal = 2400, kEnd = 3100;

struct Fault {
  enum class Kind { kCrash, kPause, kCut, kPartition, kDrain, kUnfit, kLoss, kDelay, kDuplicate };
  Kind kind = Kind::kCrash;
  int begin_ms = 0;
  int end_ms = 0;
  int node = 0;    // kPartition: the mask of one side
  int other = 0;   // kCut: what `node` sends does not reach this one
  int amount = 0;  // kLoss, kDuplicate: per cent; kDelay: milliseconds

  std::string ToString() const {
    static constexpr const char* kNames[] = {"crash", "pause", "cut",   "partition", "drain",
                                             "unfit", "loss",  "delay", "duplicate"};
    return absl::StrCat(kNames[static_cast<int>(kind)], " ", begin_ms, "-", end_ms, " ms node ",
                        node, " other ", other, " amount ", amount);
  }
};

struct Scenario {
  uint64_t seed = 0;
  int nodes = 3;
  int addresses = 3;
  std::vector<bool> member;  // of the second group, by node; the last address is in it
  std::vector<double> rate;  // of each node's clock
  std::vector<Fault> faults;

  bool IsMember(int node, int address) const {
    return address != addresses - 1 || member[static_cast<size_t>(node)];
  }
  // With two nodes the network's faults leave an owner on each side.
  bool network_faults() const {
    for (const Fault& fault : faults) {
      if (fault.kind == Fault::Kind::kCut || fault.kind == Fault::Kind::kPartition ||
          fault.kind == Fault::Kind::kLoss || fault.kind == Fault::Kind::kDelay)
        return true;
    }
    return false;
  }
  std::string ToString() const {
    return absl::StrCat("seed ", seed, ", ", nodes, " nodes, ", addresses, " addresses\n  ",
                        absl::StrJoin(faults, "\n  ", [](std::string* out, const Fault& fault) {
                          out->append(fault.ToString());
                        }));
  }
};

inline Fault RandomFault(std::mt19937_64& random, int nodes) {
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<uint64_t>(n)); };
  Fault fault{.kind = static_cast<Fault::Kind>(below(9))};
  fault.begin_ms = kSettled + below(kCalm - kSettled);
  // Short ones, about a lease, and long ones.
  constexpr int kLengths[] = {40, 250, 2000};
  fault.end_ms = fault.begin_ms + 5 + below(kLengths[below(3)]);
  fault.node = fault.kind == Fault::Kind::kPartition ? 1 + below((1 << nodes) - 2) : below(nodes);
  fault.other = (fault.node + 1 + below(nodes - 1)) % nodes;
  fault.amount = fault.kind == Fault::Kind::kDelay ? 1 + below(80) : 5 + below(60);
  const bool of_network = fault.kind >= Fault::Kind::kLoss;
  if (of_network && fault.end_ms > kCalm) fault.end_ms = kCalm;
  if (!of_network && fault.end_ms > kCalm) fault.end_ms = kHeal;
  return fault;
}

inline Scenario MakeScenario(uint64_t seed) {
  std::mt19937_64 random(seed);
  Scenario scenario{.seed = seed};
  constexpr int kNodes[] = {2, 3, 3, 3, 4, 5};
  scenario.nodes = kNodes[random() % 6];
  scenario.addresses = 1 + static_cast<int>(random() % 4);
  for (int i = 0; i < scenario.nodes; ++i) {
    scenario.member.push_back(i == 0 || random() % 3 != 0);
    scenario.rate.push_back(1 + (static_cast<double>(random() % 201) - 100) / 10000);
  }
  const uint64_t faults = 1 + random() % 6;
  for (uint64_t i = 0; i < faults; ++i) {
    const Fault fault = RandomFault(random, scenario.nodes);
    scenario.faults.push_back(fault);
  }
  return scenario;
}

}  // namespace sluice::election
