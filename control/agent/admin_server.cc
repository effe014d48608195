#include "control/agent/admin_server.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "dataplane/channel/unix_socket.h"

namespace sluice::agent {

AdminServer::AdminServer(core::EventLoop& loop, absl::flat_hash_map<std::string, Request> requests)
    : requests_(std::move(requests)),
      server_(loop, kOptions, [this](std::string_view received, bool complete, Respond respond) {
        return Read(received, complete, std::move(respond));
      }) {}

absl::Status AdminServer::Listen(const std::string& path) {
  absl::StatusOr<core::Fd> listening = channel::ListenUnix(path, 0600);
  if (!listening.ok()) return listening.status();
  server_.Start(*std::move(listening));
  return absl::OkStatus();
}

// A caller that half-closes has said its line even without its end.
bool AdminServer::Read(std::string_view received, bool complete, Respond respond) {
  const size_t end = received.find('\n');
  if (end == std::string_view::npos && !complete) return false;
  const std::string_view line = absl::StripAsciiWhitespace(received.substr(0, end));
  const auto request = requests_.find(line.empty() ? "view" : line);
  request == requests_.end() ? respond("") : request->second(std::move(respond));
  return true;
}

}  // namespace sluice::agent
