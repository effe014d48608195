// A tiny HTTP server for metrics and health: GET, a few fixed paths, one answer a connection.
// Lives on its loop's thread. Anything that is not a well-formed GET is answered 400 or 405; it
// never reads a body. Connections and their bounds are core::AnswerServer's.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "dataplane/core/address.h"
#include "dataplane/core/answer_server.h"
#include "dataplane/core/event_loop.h"

namespace sluice::metrics {

// Listens on `address`; non-blocking.
absl::StatusOr<core::Fd> Listen(const core::Address& address);

class TextServer {
 public:
  using Respond = std::function<void(std::string text)>;
  // Calls `respond` once, then or later, on the loop's thread.
  using Page = std::function<void(Respond respond)>;

  static constexpr core::AnswerServer::Options kOptions = {
      .max_clients = 32, .max_request_bytes = 8 * 1024, .deadline_ms = 10'000};

  // `pages` by path ("/metrics").
  TextServer(core::EventLoop& loop, core::Fd listening,
             absl::flat_hash_map<std::string, Page> pages);

 private:
  bool Read(std::string_view received, bool complete, const core::AnswerServer::Respond& respond);
  void Handle(std::string_view request_line, const core::AnswerServer::Respond& respond);

  absl::flat_hash_map<std::string, Page> pages_;
  core::AnswerServer server_;
};

}  // namespace sluice::metrics
