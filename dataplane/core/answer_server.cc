#include "dataplane/core/answer_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/log/check.h"

namespace sluice::core {

// Shared with the Respond of its request alone, which may outlive the connection.
struct AnswerServer::Client : std::enable_shared_from_this<Client> {
  Client(AnswerServer& owner, Fd accepted)
      : server(owner),
        fd(std::move(accepted)),
        pollable{[](void* self, uint32_t) {
                   auto* client = static_cast<Client*>(self);
                   client->answered ? client->server.Write(*client)
                                    : client->server.Receive(*client);
                 },
                 this},
        deadline(
            [](void* self) {
              static_cast<Client*>(self)->server.Close(*static_cast<Client*>(self));
            },
            this) {}

  AnswerServer& server;
  Fd fd;
  Pollable pollable;
  Timer deadline;
  std::string request, answer;
  size_t written = 0;     // of the answer
  bool handled = false;   // the reader has its request
  bool answered = false;  // the answer is on its way
};

AnswerServer::AnswerServer(EventLoop& loop, Options options, Reader reader)
    : loop_(loop),
      options_(options),
      reader_(std::move(reader)),
      acceptor_(loop, [this](Fd accepted) { Open(std::move(accepted)); }) {}

AnswerServer::~AnswerServer() {
  while (!clients_.empty()) Close(*clients_.back());
}

void AnswerServer::Open(Fd accepted) {
  if (clients_.size() >= options_.max_clients) Close(*clients_.front());
  auto client = std::make_shared<Client>(*this, std::move(accepted));
  if (!loop_.AddEdge(client->fd.get(), client->pollable)) return;
  loop_.timers().Arm(client->deadline, options_.deadline_ms);
  clients_.push_back(std::move(client));
}

void AnswerServer::Receive(Client& client) {
  char chunk[2048];
  while (!client.handled) {
    const ssize_t n = ::recv(client.fd.get(), chunk, sizeof chunk, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) return Close(client);
    client.request.append(chunk, static_cast<size_t>(n));
    const bool complete = n == 0 || client.request.size() > options_.max_request_bytes;
    if (Read(client, complete)) return;
    if (complete) return Close(client);
  }
}

// An answer that is given at once may end the client, so it is not looked at afterwards.
bool AnswerServer::Read(Client& client, bool complete) {
  const std::shared_ptr<Client> kept = client.shared_from_this();
  client.handled =
      reader_(client.request, complete, [this, weak = client.weak_from_this()](std::string answer) {
        if (const auto waiting = weak.lock()) Answer(*waiting, std::move(answer));
      });
  return client.handled;
}

void AnswerServer::Answer(Client& client, std::string answer) {
  CHECK(!client.answered);
  client.answered = true;
  client.answer = std::move(answer);
  Write(client);
}

void AnswerServer::Write(Client& client) {
  while (client.written < client.answer.size()) {
    const ssize_t n = ::send(client.fd.get(), client.answer.data() + client.written,
                             client.answer.size() - client.written, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) break;
    client.written += static_cast<size_t>(n);
  }
  Close(client);
}

void AnswerServer::Close(Client& client) {
  loop_.Remove(client.fd.get(), client.pollable);
  clients_.erase(std::ranges::find_if(clients_, [&](const auto& c) { return c.get() == &client; }));
}

}  // namespace sluice::core
