#include "dataplane/packet/shared_xdp.h"

#include <bpf/libbpf.h>
#include <xdp/libxdp.h>

#include <memory>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bpf/packet.skel.h"
#include "dataplane/packet/kernel_error.h"
#include "dataplane/packet/programs.h"

namespace sluice::packet {
namespace {

constexpr char kProgram[] = "vip_xdp";
constexpr unsigned kRunPriority = 10;  // early: libxdp's default is 50

using MultiProgram = std::unique_ptr<xdp_multiprog, void (*)(xdp_multiprog*)>;
using Program = std::unique_ptr<xdp_program, void (*)(xdp_program*)>;

MultiProgram ProgramsOn(int ifindex) {
  xdp_multiprog* programs = xdp_multiprog__get_from_ifindex(ifindex);
  if (libxdp_get_error(programs) != 0) programs = nullptr;
  return {programs, &xdp_multiprog__close};
}

// Ours in the device's dispatcher. They live as long as `programs`.
std::vector<xdp_program*> OursIn(const xdp_multiprog* programs) {
  std::vector<xdp_program*> ours;
  if (programs == nullptr) return ours;
  for (xdp_program* program = xdp_multiprog__next_prog(nullptr, programs); program != nullptr;
       program = xdp_multiprog__next_prog(program, programs)) {
    if (std::string_view(xdp_program__name(program)) == kProgram) ours.push_back(program);
  }
  return ours;
}

}  // namespace

absl::Status ProbeFreplace() {
  const int result = libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_EXT, nullptr);
  if (result == 1) return absl::OkStatus();
  return absl::UnimplementedError("cannot run: freplace refused by the kernel");
}

absl::Status AttachSharedXdp(const std::string& folder, int ifindex) {
  if (absl::Status status = ProbeFreplace(); !status.ok()) return status;
  absl::StatusOr<Programs> opened = Programs::Open(folder);
  if (!opened.ok()) return opened.status();
  // libxdp loads the object itself, with our program as an extension of its dispatcher.
  bpf_program* other;
  bpf_object__for_each_program(other, (*opened)->obj) {
    if (std::string_view(bpf_program__name(other)) != kProgram) {
      bpf_program__set_autoload(other, false);
    }
  }
  DECLARE_LIBXDP_OPTS(xdp_program_opts, options, .obj = (*opened)->obj, .prog_name = kProgram);
  const Program program(xdp_program__create(&options), &xdp_program__close);
  if (const long error = libxdp_get_error(program.get())) {
    return KernelError(static_cast<int>(error), "preparing vip_xdp for libxdp");
  }
  xdp_program__set_run_prio(program.get(), kRunPriority);
  xdp_program__set_chain_call_enabled(program.get(), XDP_PASS, true);

  const MultiProgram before = ProgramsOn(ifindex);
  if (const int error = xdp_program__attach(program.get(), ifindex, XDP_MODE_NATIVE, 0)) {
    return KernelError(error, "attaching vip_xdp by libxdp");
  }
  const MultiProgram after = ProgramsOn(ifindex);
  if (after == nullptr || xdp_multiprog__is_legacy(after.get())) {
    xdp_program__detach(program.get(), ifindex, XDP_MODE_NATIVE, 0);
    return absl::UnimplementedError("cannot run: libxdp could not use its dispatcher");
  }
  for (xdp_program* old : OursIn(before.get())) {
    if (const int error = xdp_program__detach(old, ifindex, XDP_MODE_NATIVE, 0)) {
      return KernelError(error, "taking the old vip_xdp out of libxdp's dispatcher");
    }
  }
  return absl::OkStatus();
}

absl::Status DetachSharedXdp(int ifindex) {
  const MultiProgram programs = ProgramsOn(ifindex);
  if (programs == nullptr || xdp_multiprog__is_legacy(programs.get())) return absl::OkStatus();
  for (xdp_program* program : OursIn(programs.get())) {
    if (const int error = xdp_program__detach(program, ifindex, XDP_MODE_NATIVE, 0)) {
      return KernelError(error, absl::StrCat("taking vip_xdp out of libxdp's dispatcher"));
    }
  }
  return absl::OkStatus();
}

}  // namespace sluice::packet
