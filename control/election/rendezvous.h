// Who owns an address, among given candidates: the one with the highest score, which everybody
// works out alike. A candidate that goes moves only its own addresses. Pure; the same on every
// machine. (Thaler, Ravishankar: Using Name-Based Mappings to Increase Hit Rates, 1998.)
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "control/election/heartbeat.h"

namespace sluice::election {

// Never 0.
NodeId IdOf(std::string_view node_name);

uint64_t Score(const AddressKey& address, NodeId node);

// Indices of `nodes` by preference for the address, the best first.
std::vector<uint8_t> Preference(const AddressKey& address, std::span<const NodeId> nodes);

}  // namespace sluice::election
