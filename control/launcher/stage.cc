#include "control/launcher/stage.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "dataplane/core/fd.h"
#include "dataplane/process/hardening.h"

namespace sluice::launcher {
namespace {

constexpr const char* kStage = "--stage";
constexpr size_t kFixedArguments = 5;  // sluice --stage ROLE UID GID

absl::Status BecomeUser(const User& user) {
  if (::setgroups(0, nullptr) != 0) return absl::ErrnoToStatus(errno, "clearing the groups");
  if (::setresgid(user.gid, user.gid, user.gid) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("becoming group ", user.gid));
  }
  if (::setresuid(user.uid, user.uid, user.uid) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("becoming user ", user.uid));
  }
  return absl::OkStatus();
}

absl::Status TakePrivileges(const Stage& stage) {
  const bool agent = stage.role == Role::kAgent;
  const process::CapabilityMask keep = agent ? kAgentCapabilities : 0;
  if (absl::Status trimmed = process::TrimBoundingSet(keep); !trimmed.ok()) return trimmed;
  if (!agent) {
    if (absl::Status became = BecomeUser(stage.user); !became.ok()) return became;
  }
  if (absl::StatusOr<process::CapabilityMask> kept = process::KeepOnly(keep); !kept.ok())
    return kept.status();
  return process::SetNoNewPrivileges();
}

}  // namespace

std::vector<std::string> StageArguments(const Stage& stage) {
  std::vector<std::string> arguments = {"sluice", kStage,
                                        stage.role == Role::kAgent ? "agent" : "proxy",
                                        absl::StrCat(stage.user.uid), absl::StrCat(stage.user.gid)};
  arguments.insert(arguments.end(), stage.argv.begin(), stage.argv.end());
  return arguments;
}

bool IsStage(const std::vector<std::string>& arguments) {
  return arguments.size() > 1 && arguments[1] == kStage;
}

absl::StatusOr<Stage> ParseStage(const std::vector<std::string>& arguments) {
  Stage stage;
  if (arguments.size() <= kFixedArguments || !absl::SimpleAtoi(arguments[3], &stage.user.uid) ||
      !absl::SimpleAtoi(arguments[4], &stage.user.gid)) {
    return absl::InvalidArgumentError("--stage is not for use by hand");
  }
  if (arguments[2] != "agent" && arguments[2] != "proxy") {
    return absl::InvalidArgumentError(absl::StrCat("no such role: ", arguments[2]));
  }
  stage.role = arguments[2] == "agent" ? Role::kAgent : Role::kProxy;
  stage.argv.assign(arguments.begin() + kFixedArguments, arguments.end());
  return stage;
}

absl::Status EnterStage(const Stage& stage) {
  const pid_t parent = ::getppid();
  // Opened as root: the proxy's user need not be able to walk to where the programs lie.
  const core::Fd program(::open(stage.argv[0].c_str(), O_PATH | O_CLOEXEC));
  if (!program.valid()) return absl::ErrnoToStatus(errno, absl::StrCat("opening ", stage.argv[0]));
  if (absl::Status taken = TakePrivileges(stage); !taken.ok()) return taken;
  // The supervisor asked for this before, but a change of credentials takes it back.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) return absl::AbortedError("the launcher died");
  std::vector<char*> argv;
  argv.reserve(stage.argv.size() + 1);
  for (const std::string& argument : stage.argv)
    argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  if (errno == EACCES)
    ::syscall(SYS_execveat, program.get(), "", argv.data(), environ, AT_EMPTY_PATH);
  return absl::ErrnoToStatus(errno, absl::StrCat("executing ", stage.argv[0]));
}

}  // namespace sluice::launcher
