// The agent's admin socket, for gwctl: one line in, one document out, then the end. Reading only:
// nothing can be changed through it. Mode 0600, so its callers are root or the agent's user.
// Lives on the agent's loop. Requests: "view" (a view::View as JSON; also for an empty line),
// "metrics" (the proxy's metrics as Prometheus text, empty without a proxy).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "dataplane/core/event_loop.h"
#include "dataplane/core/fd.h"

namespace sluice::agent {

class AdminServer {
 public:
  using Respond = std::function<void(std::string document)>;
  using Request = std::function<void(Respond respond)>;

  static constexpr size_t kMaxClients = 16;
  static constexpr size_t kMaxLineBytes = 256;
  static constexpr uint64_t kDeadlineMs = 30'000;

  AdminServer(core::EventLoop& loop, absl::flat_hash_map<std::string, Request> requests);
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;
  ~AdminServer();

  absl::Status Listen(const std::string& path);

 private:
  struct Client;

  void Accept();
  void Read(Client& client);
  void Handle(Client& client);
  void Write(Client& client);
  void Close(Client& client);
  std::shared_ptr<Client> Shared(const Client& client) const;

  core::EventLoop& loop_;
  absl::flat_hash_map<std::string, Request> requests_;
  core::Fd listening_;
  core::Pollable pollable_;
  std::vector<std::shared_ptr<Client>> clients_;
};

}  // namespace sluice::agent
