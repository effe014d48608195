#include "tools/gwctl/source.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "control/compile/compile.h"
#include "control/kube/read_cluster.h"
#include "control/view/document.h"
#include "dataplane/core/fd.h"

namespace sluice::gwctl {
namespace {

constexpr char kRequest[] = "view\n";
constexpr size_t kMostBytes = size_t{1} << 30;

std::string ErrorText(int error) {
  return std::error_code(error, std::generic_category()).message();
}

absl::Status Unreachable(int error) {
  if (error == EACCES || error == EPERM) {
    return absl::PermissionDeniedError("permission denied; run gwctl as root or as the agent");
  }
  return absl::UnavailableError(
      absl::StrCat(ErrorText(error),
                   "; is sluice-agent running? --socket names another socket, --manifests reads a "
                   "folder instead"));
}

absl::StatusOr<core::Fd> Connect(const std::string& path) {
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError("the path is too long for a socket");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  core::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid() ||
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return Unreachable(errno);
  }
  return fd;
}

// Readable, or at its end, before the deadline.
bool Await(int fd, absl::Time deadline) {
  pollfd wanted = {.fd = fd, .events = POLLIN, .revents = 0};
  while (true) {
    const int64_t left = absl::ToInt64Milliseconds(deadline - absl::Now());
    if (left <= 0) return false;
    const int ready = ::poll(&wanted, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

absl::StatusOr<std::string> ReadAll(int fd) {
  const absl::Time deadline = absl::Now() + kAgentTimeout;
  std::string text;
  char chunk[64 * 1024];
  while (text.size() < kMostBytes) {
    if (!Await(fd, deadline)) {
      return absl::DeadlineExceededError(
          absl::StrCat("no answer within ", absl::FormatDuration(kAgentTimeout)));
    }
    const ssize_t n = ::recv(fd, chunk, sizeof chunk, 0);
    if (n == 0) return text;
    if (n < 0 && errno != EINTR) return absl::UnavailableError(ErrorText(errno));
    if (n > 0) text.append(chunk, static_cast<size_t>(n));
  }
  return absl::ResourceExhaustedError("the answer does not end");
}

absl::StatusOr<view::View> Ask(const std::string& path) {
  absl::StatusOr<core::Fd> fd = Connect(path);
  if (!fd.ok()) return fd.status();
  const ssize_t sent = ::send(fd->get(), kRequest, sizeof kRequest - 1, MSG_NOSIGNAL);
  if (sent < 0) return absl::UnavailableError(ErrorText(errno));
  absl::StatusOr<std::string> answer = ReadAll(fd->get());
  if (!answer.ok()) return answer.status();
  if (answer->empty()) return absl::UnavailableError("it hung up; it may be of another version");
  absl::StatusOr<view::View> view = view::FromJson(*answer);
  if (view.ok()) return view;
  return absl::InvalidArgumentError(
      absl::StrCat("its answer cannot be read: ", view.status().message()));
}

compile::Statuses StatusesOf(const kube::KnownObjects& known,
                             std::vector<gateway_api::Problem>& problems) {
  compile::Statuses statuses;
  for (const auto& [kind, objects] : known) {
    for (const auto& [name, object] : objects) {
      if (object.status.empty()) continue;
      const absl::Status read = view::ReadStatus(object.status, kind, name, statuses);
      if (read.ok()) continue;
      problems.push_back({.severity = gateway_api::Problem::Severity::kWarning,
                          .object = absl::StrCat(kind, " ", ToString(name)),
                          .path = "status",
                          .message = std::string(read.message())});
    }
  }
  return statuses;
}

}  // namespace

absl::StatusOr<view::View> ViewOfFolder(const std::string& folder, absl::Time now) {
  return view::ReadView(folder, now);
}

absl::StatusOr<view::View> ViewOfAgent(const std::string& socket_path) {
  absl::StatusOr<view::View> view = Ask(socket_path);
  if (view.ok()) return view;
  return absl::Status(view.status().code(), absl::StrCat("asking the agent at ", socket_path, ": ",
                                                         view.status().message()));
}

absl::StatusOr<view::View> ViewOfCluster(const kube::ConfigOptions& options, absl::Time now) {
  absl::StatusOr<kube::Config> config = kube::LoadConfig(options, kube::Surroundings::OfProcess());
  if (!config.ok()) return config.status();
  const std::string server = config->server;
  absl::StatusOr<kube::ClusterContents> contents =
      kube::ReadCluster(*std::move(config), {.deadline = kClusterTimeout});
  if (!contents.ok()) {
    return absl::Status(contents.status().code(), absl::StrCat("reading the cluster at ", server,
                                                               ": ", contents.status().message()));
  }
  compile::CompileOptions compile_options{.now = now, .allocate = false};
  compile_options.bundle_version = contents->bundle_version;
  view::View view =
      view::MakeView(*contents->objects, compile::Compile(*contents->objects, compile_options),
                     std::move(contents->problems));
  view.statuses = StatusesOf(contents->known, view.problems);
  return view;
}

}  // namespace sluice::gwctl
