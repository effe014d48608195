// A bpf_link pinned on a bpffs: one of our programs at its hook. The pin, not this object, holds
// the program in place: destroying the object changes nothing, Remove detaches. One thread.
// A link is found by its path and never by its id (that would take CAP_SYS_ADMIN).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/core/fd.h"

namespace sluice::packet {

enum class Hook { kXdpNative, kXdpGeneric, kTcxIngress, kTcxEgress, kSkLookup };

class PinnedLink {
 public:
  // Attaches the program and pins the link at `path`. `target`: an ifindex, or for kSkLookup a
  // network namespace's descriptor.
  static absl::StatusOr<PinnedLink> Attach(Hook hook, int program, int target,
                                           const std::string& path);
  // The link that is pinned at `path`; nullopt if there is none.
  static absl::StatusOr<std::optional<PinnedLink>> Find(const std::string& path);

  // Pins it again after its pin was lost.
  absl::Status Pin();
  // Atomically: the hook is never without a program.
  absl::Status Replace(int program);
  absl::Status Remove();

  // What the kernel says that the link is. A link whose device or namespace is gone has target 0.
  struct Info {
    uint32_t program_id = 0;
    uint32_t target = 0;  // ifindex, or the namespace's inode
  };
  absl::StatusOr<Info> Read() const;
  // Whether the pin is still there.
  bool IsPinned() const;

 private:
  PinnedLink(core::Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  core::Fd fd_;
  std::string path_;
};

}  // namespace sluice::packet
