#include "dataplane/proxy/sandbox.h"

#include "absl/log/log.h"
#include "dataplane/process/capabilities.h"
#include "dataplane/process/hardening.h"
#include "dataplane/process/landlock.h"
#include "dataplane/process/seccomp.h"

namespace sluice::proxy {

absl::Status EnterSandbox(const std::vector<std::string>& readable) {
  // Needs CAP_SETPCAP; without it the bounding set stays, of no use under no_new_privs.
  process::TrimBoundingSet(0).IgnoreError();
  if (auto kept = process::KeepOnly(0); !kept.ok()) return kept.status();
  if (absl::Status set = process::SetNoNewPrivileges(); !set.ok()) return set;
  const absl::StatusOr<bool> restricted = process::RestrictFiles(readable);
  if (!restricted.ok()) return restricted.status();
  if (!*restricted) LOG(INFO) << "this kernel has no Landlock; seccomp and the user id stand alone";
  return process::InstallSeccomp(process::Assemble(process::ProxyPolicy()));
}

}  // namespace sluice::proxy
