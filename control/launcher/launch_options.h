// What `sluice` was asked to do: where things live, and the arguments that it passes on unread.
// Pure: arguments in, options or a usage error out.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace sluice::launcher {

// sluice [--user USER] [--run-dir DIR] [--bpffs DIR] [--agent-program P] [--proxy-program P]
//        [AGENT ARGUMENTS...] [-- PROXY ARGUMENTS...]
struct LaunchOptions {
  std::string user;  // the proxy's: a name or a number; "": see ResolveUser
  std::string run_dir = "/run/sluice";
  std::string bpffs = "/sys/fs/bpf";
  std::string agent_program;  // "": sluice-agent beside this program
  std::string proxy_program;  // "": sluice-proxy beside this program
  std::vector<std::string> agent_arguments;
  std::vector<std::string> proxy_arguments;

  bool operator==(const LaunchOptions&) const = default;
};

absl::StatusOr<LaunchOptions> ParseLaunchOptions(const std::vector<std::string>& arguments);

struct User {
  unsigned uid = 0;
  unsigned gid = 0;

  bool operator==(const User&) const = default;
};

// A number stands for that uid and gid; a name must exist. "" is the user `sluice` if there is
// one, else 65532 (the customary "nonroot" of container images). Never root.
absl::StatusOr<User> ResolveUser(const std::string& user);

}  // namespace sluice::launcher
