#include "dataplane/process/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace sluice::process {
namespace {

constexpr std::array kNames = {"CAP_CHOWN",
                               "CAP_DAC_OVERRIDE",
                               "CAP_DAC_READ_SEARCH",
                               "CAP_FOWNER",
                               "CAP_FSETID",
                               "CAP_KILL",
                               "CAP_SETGID",
                               "CAP_SETUID",
                               "CAP_SETPCAP",
                               "CAP_LINUX_IMMUTABLE",
                               "CAP_NET_BIND_SERVICE",
                               "CAP_NET_BROADCAST",
                               "CAP_NET_ADMIN",
                               "CAP_NET_RAW",
                               "CAP_IPC_LOCK",
                               "CAP_IPC_OWNER",
                               "CAP_SYS_MODULE",
                               "CAP_SYS_RAWIO",
                               "CAP_SYS_CHROOT",
                               "CAP_SYS_PTRACE",
                               "CAP_SYS_PACCT",
                               "CAP_SYS_ADMIN",
                               "CAP_SYS_BOOT",
                               "CAP_SYS_NICE",
                               "CAP_SYS_RESOURCE",
                               "CAP_SYS_TIME",
                               "CAP_SYS_TTY_CONFIG",
                               "CAP_MKNOD",
                               "CAP_LEASE",
                               "CAP_AUDIT_WRITE",
                               "CAP_AUDIT_CONTROL",
                               "CAP_SETFCAP",
                               "CAP_MAC_OVERRIDE",
                               "CAP_MAC_ADMIN",
                               "CAP_SYSLOG",
                               "CAP_WAKE_ALARM",
                               "CAP_BLOCK_SUSPEND",
                               "CAP_AUDIT_READ",
                               "CAP_PERFMON",
                               "CAP_BPF",
                               "CAP_CHECKPOINT_RESTORE"};

__user_cap_header_struct Header() { return {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0}; }

CapabilityMask Join(uint32_t low, uint32_t high) { return (CapabilityMask{high} << 32) | low; }

absl::StatusOr<CapabilityMask> Hexadecimal(std::string_view text) {
  CapabilityMask mask = 0;
  if (!absl::SimpleHexAtoi(text, &mask)) {
    return absl::InvalidArgumentError(absl::StrCat("not a capability mask: ", text));
  }
  return mask;
}

}  // namespace

std::string NameOf(int capability) {
  if (capability >= 0 && capability < static_cast<int>(kNames.size())) return kNames[capability];
  return absl::StrCat("CAP_", capability);
}

std::string Describe(CapabilityMask mask) {
  if (mask == 0) return "none";
  std::vector<std::string> names;
  for (int bit = 0; bit < 64; ++bit) {
    if (mask >> bit & 1) names.push_back(NameOf(bit));
  }
  return absl::StrJoin(names, ", ");
}

absl::StatusOr<Capabilities> CurrentCapabilities() {
  __user_cap_header_struct header = Header();
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return absl::ErrnoToStatus(errno, "capget");
  return Capabilities{.permitted = Join(data[0].permitted, data[1].permitted),
                      .effective = Join(data[0].effective, data[1].effective),
                      .inheritable = Join(data[0].inheritable, data[1].inheritable)};
}

absl::Status SetCapabilities(const Capabilities& wanted) {
  __user_cap_header_struct header = Header();
  __user_cap_data_struct data[2] = {};
  for (int half = 0; half < 2; ++half) {
    data[half].permitted = static_cast<uint32_t>(wanted.permitted >> (32 * half));
    data[half].effective = static_cast<uint32_t>(wanted.effective >> (32 * half));
    data[half].inheritable = static_cast<uint32_t>(wanted.inheritable >> (32 * half));
  }
  if (::syscall(SYS_capset, &header, data) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("capset to ", Describe(wanted.permitted)));
  }
  return absl::OkStatus();
}

absl::Status TrimBoundingSet(CapabilityMask keep) {
  for (int bit = 0; bit < 64; ++bit) {
    const int present = ::prctl(PR_CAPBSET_READ, bit, 0, 0, 0);
    if (present < 0) break;  // past the kernel's last capability
    if (present == 0 || (keep >> bit & 1)) continue;
    if (::prctl(PR_CAPBSET_DROP, bit, 0, 0, 0) != 0) {
      return absl::ErrnoToStatus(errno,
                                 absl::StrCat("dropping ", NameOf(bit), " from the bounding set"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<CapabilityMask> KeepOnly(CapabilityMask wanted) {
  absl::StatusOr<Capabilities> current = CurrentCapabilities();
  if (!current.ok()) return current.status();
  const CapabilityMask kept = wanted & current->permitted;
  // Ambient capabilities cannot outlive their inheritable twins, so this clears them as well.
  absl::Status set = SetCapabilities({.permitted = kept, .effective = kept, .inheritable = 0});
  if (!set.ok()) return set;
  return kept;
}

absl::StatusOr<Privileges> ParsePrivileges(std::string_view status_text) {
  Privileges result;
  int found = 0;
  const struct {
    std::string_view key;
    CapabilityMask* mask;
  } masks[] = {{"CapInh", &result.inheritable},
               {"CapPrm", &result.permitted},
               {"CapEff", &result.effective},
               {"CapBnd", &result.bounding},
               {"CapAmb", &result.ambient}};
  for (std::string_view line : absl::StrSplit(status_text, '\n')) {
    const std::pair<std::string_view, std::string_view> entry =
        absl::StrSplit(line, absl::MaxSplits(":\t", 1));
    const auto& [key, value] = entry;
    for (const auto& row : masks) {
      if (key != row.key) continue;
      absl::StatusOr<CapabilityMask> mask = Hexadecimal(value);
      if (!mask.ok()) return mask.status();
      *row.mask = *mask;
      ++found;
    }
    if (key == "Uid" || key == "Gid") {  // real, effective, saved, file system
      const std::vector<std::string_view> ids = absl::StrSplit(value, '\t');
      uint32_t* id = key == "Uid" ? &result.uid : &result.gid;
      found += ids.size() == 4 && absl::SimpleAtoi(ids[1], id);
    } else if (key == "NoNewPrivs") {
      result.no_new_privileges = value == "1";
      ++found;
    } else if (key == "Seccomp") {
      found += absl::SimpleAtoi(value, &result.seccomp_mode);
    }
  }
  if (found != 9) return absl::InvalidArgumentError("not the text of /proc/PID/status");
  return result;
}

absl::StatusOr<Privileges> ReadPrivileges(std::string_view pid) {
  const std::string path = absl::StrCat("/proc/", pid, "/status");
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(absl::StrCat("reading ", path));
  return ParsePrivileges(std::string(std::istreambuf_iterator<char>(file), {}));
}

}  // namespace sluice::process
