#include "control/launcher/launch_options.h"

#include <pwd.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace sluice::launcher {
namespace {

constexpr unsigned kNonRoot = 65532;

absl::StatusOr<User> LookUp(const std::string& name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): the launcher has one thread
  const passwd* entry = ::getpwnam(name.c_str());
  if (entry == nullptr) return absl::NotFoundError(absl::StrCat("no such user: ", name));
  return User{entry->pw_uid, entry->pw_gid};
}

}  // namespace

absl::StatusOr<LaunchOptions> ParseLaunchOptions(const std::vector<std::string>& arguments) {
  LaunchOptions options;
  const struct {
    const char* name;
    std::string* value;
  } own[] = {{"--user", &options.user},
             {"--run-dir", &options.run_dir},
             {"--bpffs", &options.bpffs},
             {"--agent-program", &options.agent_program},
             {"--proxy-program", &options.proxy_program}};
  std::vector<std::string>* pass_to = &options.agent_arguments;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--" && pass_to == &options.agent_arguments) {
      pass_to = &options.proxy_arguments;
      continue;
    }
    std::string* value = nullptr;
    for (const auto& row : own) {
      if (pass_to == &options.agent_arguments && arguments[i] == row.name) value = row.value;
    }
    if (value == nullptr) {
      pass_to->push_back(arguments[i]);
    } else if (++i < arguments.size()) {
      *value = arguments[i];
    } else {
      return absl::InvalidArgumentError(absl::StrCat(arguments[i - 1], " needs a value"));
    }
  }
  return options;
}

absl::StatusOr<User> ResolveUser(const std::string& user) {
  absl::StatusOr<User> resolved;
  unsigned number = 0;
  if (user.empty()) {
    resolved = LookUp("sluice");
    if (!resolved.ok()) resolved = User{kNonRoot, kNonRoot};
  } else if (absl::SimpleAtoi(user, &number)) {
    resolved = User{number, number};
  } else {
    resolved = LookUp(user);
  }
  if (resolved.ok() && (resolved->uid == 0 || resolved->gid == 0)) {
    return absl::InvalidArgumentError("the proxy never runs as root");
  }
  return resolved;
}

}  // namespace sluice::launcher
