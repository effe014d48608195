#include "control/agent/admin_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/log/check.h"
#include "absl/strings/ascii.h"
#include "dataplane/channel/unix_socket.h"

namespace sluice::agent {

struct AdminServer::Client {
  Client(AdminServer& owner, core::Fd accepted)
      : server(owner),
        fd(std::move(accepted)),
        pollable{[](void* self, uint32_t) {
                   auto* client = static_cast<Client*>(self);
                   client->answered ? client->server.Write(*client) : client->server.Read(*client);
                 },
                 this},
        deadline(
            [](void* self) {
              static_cast<Client*>(self)->server.Close(*static_cast<Client*>(self));
            },
            this) {}

  AdminServer& server;
  core::Fd fd;
  core::Pollable pollable;
  core::Timer deadline;
  std::string line, document;
  size_t written = 0;
  bool handled = false, answered = false;
};

AdminServer::AdminServer(core::EventLoop& loop, absl::flat_hash_map<std::string, Request> requests)
    : loop_(loop),
      requests_(std::move(requests)),
      pollable_{[](void* self, uint32_t) { static_cast<AdminServer*>(self)->Accept(); }, this} {}

AdminServer::~AdminServer() {
  while (!clients_.empty()) Close(*clients_.back());
  if (listening_.valid()) loop_.Remove(listening_.get(), pollable_);
}

absl::Status AdminServer::Listen(const std::string& path) {
  absl::StatusOr<core::Fd> listening = channel::ListenUnix(path, 0600);
  if (!listening.ok()) return listening.status();
  listening_ = *std::move(listening);
  CHECK(loop_.AddLevel(listening_.get(), pollable_));
  return absl::OkStatus();
}

void AdminServer::Accept() {
  absl::StatusOr<core::Fd> socket = channel::AcceptUnix(listening_.get());
  if (!socket.ok()) return;
  if (clients_.size() >= kMaxClients) Close(*clients_.front());
  auto client = std::make_shared<Client>(*this, *std::move(socket));
  if (!loop_.AddEdge(client->fd.get(), client->pollable)) return;
  loop_.timers().Arm(client->deadline, kDeadlineMs);
  clients_.push_back(std::move(client));
}

std::shared_ptr<AdminServer::Client> AdminServer::Shared(const Client& client) const {
  return *std::ranges::find_if(clients_, [&](const auto& c) { return c.get() == &client; });
}

void AdminServer::Read(Client& client) {
  char chunk[kMaxLineBytes];
  while (!client.handled) {
    const ssize_t n = ::recv(client.fd.get(), chunk, sizeof chunk, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) return Close(client);
    client.line.append(chunk, static_cast<size_t>(n));
    // A caller that half-closes has said all that he wants to say.
    if (n == 0 || client.line.find('\n') != std::string::npos) return Handle(client);
    if (client.line.size() > kMaxLineBytes) return Close(client);
  }
}

void AdminServer::Handle(Client& client) {
  client.handled = true;
  const std::string name(absl::StripAsciiWhitespace(client.line.substr(0, client.line.find('\n'))));
  const auto request = requests_.find(name.empty() ? "view" : name);
  if (request == requests_.end()) return Close(client);
  request->second([this, weak = std::weak_ptr<Client>(Shared(client))](std::string document) {
    const std::shared_ptr<Client> waiting = weak.lock();
    if (waiting == nullptr) return;
    waiting->document = std::move(document);
    waiting->answered = true;
    Write(*waiting);
  });
}

void AdminServer::Write(Client& client) {
  while (client.written < client.document.size()) {
    const ssize_t n = ::send(client.fd.get(), client.document.data() + client.written,
                             client.document.size() - client.written, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) break;
    client.written += static_cast<size_t>(n);
  }
  Close(client);
}

void AdminServer::Close(Client& client) {
  loop_.Remove(client.fd.get(), client.pollable);
  clients_.erase(std::ranges::find_if(clients_, [&](const auto& c) { return c.get() == &client; }));
}

}  // namespace sluice::agent
