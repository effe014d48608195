// A tiny HTTP server for metrics and health: GET, a few fixed paths, one answer a connection.
// Lives on its loop's thread. Everything is bounded: connections, head size, time; anything that
// is not a well-formed GET is answered 400 or 405 and closed. It never reads a body.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "dataplane/core/address.h"
#include "dataplane/core/event_loop.h"

namespace sluice::metrics {

// Listens on `address`; non-blocking.
absl::StatusOr<core::Fd> Listen(const core::Address& address);

class TextServer {
 public:
  using Respond = std::function<void(std::string text)>;
  // Calls `respond` once, then or later, on the loop's thread.
  using Page = std::function<void(Respond respond)>;

  static constexpr size_t kMaxClients = 32;
  static constexpr size_t kMaxHeadBytes = 8 * 1024;
  static constexpr uint64_t kDeadlineMs = 10'000;
  static constexpr uint64_t kAcceptPauseMs = 100;

  // `pages` by path ("/metrics").
  TextServer(core::EventLoop& loop, core::Fd listening,
             absl::flat_hash_map<std::string, Page> pages);
  TextServer(const TextServer&) = delete;
  TextServer& operator=(const TextServer&) = delete;
  ~TextServer();

 private:
  struct Client;

  void Accept();
  void Read(Client& client);
  void Handle(Client& client);
  void Answer(Client& client, int status, std::string_view reason, std::string_view text);
  void Write(Client& client);
  void Close(Client& client);

  core::EventLoop& loop_;
  core::Fd listening_;
  core::Pollable pollable_;
  core::Timer accept_again_;
  absl::flat_hash_map<std::string, Page> pages_;
  std::vector<std::shared_ptr<Client>> clients_;
};

}  // namespace sluice::metrics
