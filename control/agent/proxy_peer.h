// The agent's side of the conversation with the proxy (channel.proto). Lives on the agent's loop.
// Listens, lets in only the proxy's user, and keeps one conversation: a proxy that connects takes
// the place of the one before (which has crashed, or drains).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "certs/secret.h"
#include "control/agent/listening_sockets.h"
#include "control/publish/publisher.h"
#include "dataplane/channel/link.h"
#include "dataplane/core/acceptor.h"
#include "dataplane/core/event_loop.h"

namespace sluice::agent {

// Whether `uid` may speak as the proxy: that user, or our own.
bool MayBeProxy(unsigned uid, std::optional<unsigned> proxy_uid);

class ProxyPeer {
 public:
  struct Events {
    // The proxy needs sockets and nobody has any: make them for `workers` threads.
    std::function<absl::Status(int workers)> make_sockets;
    std::function<void()> on_sockets;  // there are sockets now that were not there before
  };

  // `sockets` and `publisher` outlive this. Makes a ticket secret for its lifetime.
  ProxyPeer(core::EventLoop& loop, std::optional<unsigned> proxy_uid, ListeningSockets& sockets,
            publish::Publisher& publisher, Events events);

  // Instead of a secret of our own; for proxies that connect from now on.
  void UseTicketSecret(certs::SecretBytes secret) { ticket_secret_ = std::move(secret); }
  absl::Status Listen(const std::string& path);

  // Lets in nobody more; a proxy that is there stays.
  void CloseDoor() { acceptor_.reset(); }

  bool connected() const { return greeted_; }
  int workers() const { return workers_; }  // of the connected proxy
  void Send(const channel::Message& message);
  void SendSockets();
  // `done` with the proxy's metrics, or with "" if there is none to ask.
  void AskStats(std::function<void(std::string)> done);

 private:
  void OnAccepted(core::Fd socket);
  void OnMessage(channel::Received received);
  absl::Status Handle(channel::Received received);
  absl::Status OnHello(const channel::Hello& hello);
  absl::Status OnSockets(channel::Received received);
  absl::Status Begin(const channel::Hello& hello);
  void OnClosed(const absl::Status& why);
  void FinishStats(std::string text);

  core::EventLoop& loop_;
  const std::optional<unsigned> proxy_uid_;
  ListeningSockets& sockets_;
  publish::Publisher& publisher_;
  Events events_;
  certs::SecretBytes ticket_secret_;
  std::unique_ptr<channel::Link> link_;
  bool greeted_ = false;                    // Hello came, and sockets were settled
  std::optional<channel::Hello> awaiting_;  // of a proxy that gives sockets back first
  int workers_ = 0;
  std::vector<std::function<void(std::string)>> stats_waiters_;
  std::unique_ptr<core::Acceptor> acceptor_;
};

}  // namespace sluice::agent
