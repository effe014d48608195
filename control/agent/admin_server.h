// The agent's admin socket, for gwctl: one line in, one document out, then the end. Reading only:
// nothing can be changed through it. Mode 0600, so its callers are root or the agent's user.
// Lives on the agent's loop. Requests: "view" (a view::View as JSON; also for an empty line),
// "metrics" (the proxy's metrics as Prometheus text, empty without a proxy). Connections and their
// bounds are core::AnswerServer's.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "dataplane/core/answer_server.h"
#include "dataplane/core/event_loop.h"

namespace sluice::agent {

class AdminServer {
 public:
  using Respond = core::AnswerServer::Respond;
  // Calls `respond` once, then or later, with the document.
  using Request = std::function<void(Respond respond)>;

  static constexpr core::AnswerServer::Options kOptions = {
      .max_clients = 16, .max_request_bytes = 256, .deadline_ms = 30'000};

  AdminServer(core::EventLoop& loop, absl::flat_hash_map<std::string, Request> requests);

  absl::Status Listen(const std::string& path);

 private:
  bool Read(std::string_view received, bool complete, Respond respond);

  absl::flat_hash_map<std::string, Request> requests_;
  core::AnswerServer server_;
};

}  // namespace sluice::agent
