// Heartbeats as bytes: one UDP payload of at most kMaxHeartbeatBytes, signed. Pure; any thread.
//
// All numbers are in network order. Nothing behind the head is looked at before a signature fits.
//   head     "SLHB", version, flags (1: all claims), standing, length of the name,
//            counts of peers, groups, claims, signatures (one octet each);
//            sender, boot, sequence (8 octets each); the name
//   peer     node, boot, heard (8 each), flags (1: supported)
//   group    id (8), candidates (4), flags (1: member)
//   claim    address (16), epoch (8)
//   signature  key (4), HMAC-SHA256 of all before the first signature (32)
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "control/election/heartbeat.h"
#include "control/election/heartbeat_keys.h"

namespace sluice::election {

inline constexpr uint8_t kHeartbeatVersion = 1;
inline constexpr size_t kMaxHeartbeatBytes = 1440;  // with headers, in an Ethernet frame

// REQUIRES: within the bounds of heartbeat.h. Without keys nobody will accept it.
std::vector<uint8_t> Encode(const Heartbeat& heartbeat, const HeartbeatKeys& keys);

enum class HeartbeatError {
  kNone,
  kMalformed,
  kOtherVersion,
  kForeign,  // no signature by a key of ours
};

// Fills `heartbeat` if there is no error.
[[nodiscard]] HeartbeatError Decode(std::span<const uint8_t> bytes, const HeartbeatKeys& keys,
                                    Heartbeat& heartbeat);

}  // namespace sluice::election
