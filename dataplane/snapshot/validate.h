// What the data plane relies on in a Snapshot. Whoever applies one calls Validate first and
// refuses it whole on an error; after that, lookups by id succeed, orders hold and regular
// expressions compile. The compiler never makes one that fails here: this is the second lock.
#pragma once

#include <cstddef>

#include "absl/status/status.h"
#include "dataplane/snapshot/snapshot.pb.h"

namespace sluice::snapshot {

// Elements of one kind that a process will hold.
inline constexpr size_t kMaxElements = 100'000;
inline constexpr size_t kMaxMatches = 200'000;  // in all hosts
inline constexpr size_t kMaxConditions = 16;    // header or query matches of one match
inline constexpr uint32_t kMaxWeight = 1'000'000;

// InvalidArgument: `hosts[3] ("ns/gw/web", "a.example.com"): matches[0]: no rule "x"`.
absl::Status Validate(const Snapshot& snapshot);

}  // namespace sluice::snapshot
