#include "dataplane/packet/pinned_link.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <unistd.h>

#include <string_view>

#include "absl/strings/str_cat.h"
#include "dataplane/packet/kernel_error.h"

namespace sluice::packet {
namespace {

struct HookTraits {
  std::string_view name;
  bpf_attach_type type;
  uint32_t flags;
};

HookTraits TraitsOf(Hook hook) {
  switch (hook) {
    case Hook::kXdpNative:
      return {"native XDP", BPF_XDP, XDP_FLAGS_DRV_MODE};
    case Hook::kXdpGeneric:
      return {"generic XDP", BPF_XDP, XDP_FLAGS_SKB_MODE};
    case Hook::kTcxIngress:  // before everybody else's programs, which may take the frame
      return {"tcx ingress", BPF_TCX_INGRESS, BPF_F_BEFORE};
    case Hook::kTcxEgress:
      return {"tcx egress", BPF_TCX_EGRESS, 0};
    case Hook::kSkLookup:
      return {"sk_lookup", BPF_SK_LOOKUP, 0};
  }
  return {};
}

}  // namespace

absl::StatusOr<PinnedLink> PinnedLink::Attach(Hook hook, int program, int target,
                                              const std::string& path) {
  const HookTraits traits = TraitsOf(hook);
  LIBBPF_OPTS(bpf_link_create_opts, options, .flags = traits.flags);
  core::Fd fd(bpf_link_create(program, target, traits.type, &options));
  if (!fd.valid()) return KernelError(errno, absl::StrCat("attaching by ", traits.name));
  PinnedLink link(std::move(fd), path);
  if (absl::Status status = link.Pin(); !status.ok()) return status;
  return link;
}

absl::StatusOr<std::optional<PinnedLink>> PinnedLink::Find(const std::string& path) {
  core::Fd fd(bpf_obj_get(path.c_str()));
  if (fd.valid()) return PinnedLink(std::move(fd), path);
  if (errno == ENOENT) return std::nullopt;
  return KernelError(errno, absl::StrCat("opening the pin ", path));
}

absl::Status PinnedLink::Pin() {
  if (bpf_obj_pin(fd_.get(), path_.c_str()) == 0) return absl::OkStatus();
  return KernelError(errno, absl::StrCat("pinning ", path_));
}

absl::Status PinnedLink::Replace(int program) {
  if (bpf_link_update(fd_.get(), program, nullptr) == 0) return absl::OkStatus();
  return KernelError(errno, absl::StrCat("replacing the program of ", path_));
}

absl::Status PinnedLink::Remove() {
  if (unlink(path_.c_str()) != 0 && errno != ENOENT) {
    return KernelError(errno, absl::StrCat("removing the pin ", path_));
  }
  fd_.Reset();
  return absl::OkStatus();
}

absl::StatusOr<PinnedLink::Info> PinnedLink::Read() const {
  bpf_link_info info = {};
  __u32 size = sizeof info;
  if (bpf_link_get_info_by_fd(fd_.get(), &info, &size) != 0) {
    return KernelError(errno, absl::StrCat("reading the link ", path_));
  }
  Info result{.program_id = info.prog_id};
  if (info.type == BPF_LINK_TYPE_XDP) result.target = info.xdp.ifindex;
  if (info.type == BPF_LINK_TYPE_TCX) result.target = info.tcx.ifindex;
  if (info.type == BPF_LINK_TYPE_NETNS) result.target = info.netns.netns_ino;
  return result;
}

bool PinnedLink::IsPinned() const { return access(path_.c_str(), F_OK) == 0; }

}  // namespace sluice::packet
