// A Snapshot as its content-addressed parts: each top-level element, serialised alone, known by its
// SHA-256. What the wire carries is the difference of two of these.
// Immutable value that shares its parts with its predecessors; any thread.
// Invariant: sorted by (kind, key), no key twice; the digest covers all parts.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "dataplane/channel/channel.pb.h"
#include "dataplane/snapshot/snapshot.pb.h"

namespace sluice::channel {

struct SnapshotPart {
  std::string key;    // field number as one byte, then what the elements are sorted by
  std::string bytes;  // a Snapshot that holds the element alone
  std::string hash;   // SHA-256 of `bytes`, 32 bytes
};

// What the other side holds, as far as it is known here.
struct HeldParts {
  uint64_t generation = 0;  // 0: nothing
  absl::flat_hash_set<std::string> hashes;
  absl::flat_hash_set<std::string> certificate_ids;
};

class PartSet {
 public:
  PartSet() = default;

  // Parts that `previous` has byte for byte are taken from it and not hashed again.
  // AlreadyExists: two elements with the same key.
  static absl::StatusOr<PartSet> Split(const snapshot::Snapshot& snapshot, const PartSet& previous);

  // What `update` makes of this set. The hash of each added part is computed here, and the digest
  // must match: so both sides hold the same, or the update is refused.
  absl::StatusOr<PartSet> Edit(const Update& update) const;

  absl::StatusOr<snapshot::Snapshot> Assemble() const;

  // The `base`, `removed`, `added` and `digest` that turn what a peer holds into this.
  void WriteDifference(const HeldParts& held, Update& update) const;

  std::string Digest() const;
  std::vector<std::string> Hashes() const;
  size_t size() const { return parts_.size(); }

 private:
  using PartPtr = std::shared_ptr<const SnapshotPart>;
  absl::Status SortAndCheck();

  std::vector<PartPtr> parts_;
};

}  // namespace sluice::channel
