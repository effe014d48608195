// The loaded programs and maps of bpf/packet.bpf.c. Owns their descriptors; pins the maps by name
// in a folder and adopts those that are there. Programs are always loaded anew: whoever owns the
// links replaces what they hold. One thread, but descriptors may be used from any.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

struct packet_bpf;

namespace sluice::packet {

class Programs {
 public:
  // `folder` is on a bpffs and exists; empty: the maps are not pinned. Errors name the missing
  // capability or kernel feature, or the pinned map that has another layout.
  static absl::StatusOr<Programs> Load(const std::string& folder);
  // The same, not yet loaded: for who loads them in his own way.
  static absl::StatusOr<Programs> Open(const std::string& folder);

  Programs(Programs&&) = default;
  Programs& operator=(Programs&&) = default;

  const packet_bpf* operator->() const { return skeleton_.get(); }

 private:
  struct Close {
    void operator()(packet_bpf* skeleton) const;
  };
  using Skeleton = std::unique_ptr<packet_bpf, Close>;

  explicit Programs(Skeleton skeleton) : skeleton_(std::move(skeleton)) {}

  std::vector<char> log_;  // the verifier's; libbpf writes to it while it loads
  Skeleton skeleton_;
};

// The kernel's tick (1/HZ).
absl::Duration KernelTick();

}  // namespace sluice::packet
