#include "dataplane/packet/kernel_error.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace sluice::packet {
namespace {

// tcx links, the youngest thing that the programs need.
constexpr int kKernelMajor = 6;
constexpr int kKernelMinor = 6;

bool HasCapability(const __user_cap_data_struct (&data)[2], int capability) {
  return data[capability / 32].effective & (1u << (capability % 32));
}

// What an old kernel answers with EINVAL or ENOTSUPP is worth its name.
std::string KernelHint() {
  utsname name;
  if (uname(&name) != 0) return "";
  char* end;
  const long major = std::strtol(name.release, &end, 10);
  const long minor = *end == '.' ? std::strtol(end + 1, nullptr, 10) : 0;
  if (major > kKernelMajor || (major == kKernelMajor && minor >= kKernelMinor)) return "";
  return absl::StrCat(": needs Linux ", kKernelMajor, ".", kKernelMinor, " (tcx), this is ",
                      name.release);
}

std::string PermissionHint() {
  const std::string missing = MissingCapabilities();
  if (!missing.empty()) return absl::StrCat(": this process lacks ", missing);
  return ": refused although CAP_BPF and CAP_NET_ADMIN are there (seccomp, lockdown, or an LSM?)";
}

}  // namespace

std::string MissingCapabilities() {
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) != 0) return "";
  std::vector<std::string_view> missing;
  if (!HasCapability(data, CAP_BPF)) missing.push_back("CAP_BPF");
  if (!HasCapability(data, CAP_NET_ADMIN)) missing.push_back("CAP_NET_ADMIN");
  return absl::StrJoin(missing, ", ");
}

absl::Status KernelError(int error, std::string_view what) {
  constexpr int kNotSupported = 524;  // the kernel's own ENOTSUPP, which libc has no name for
  error = std::abs(error);
  std::string hint;
  if (error == EPERM) hint = PermissionHint();
  if (error == EINVAL || error == EOPNOTSUPP || error == kNotSupported) hint = KernelHint();
  if (error == kNotSupported) error = EOPNOTSUPP;
  return absl::ErrnoToStatus(error, absl::StrCat(what, hint));
}

}  // namespace sluice::packet
