#include "dataplane/metrics/text_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/log/check.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace sluice::metrics {

absl::StatusOr<core::Fd> Listen(const core::Address& address) {
  core::Fd socket(
      ::socket(address.ipv6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return absl::ErrnoToStatus(errno, "making a socket");
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(socket.get(), address.get(), address.size()) != 0 || ::listen(socket.get(), 64) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("listening on ", address.text()));
  }
  return socket;
}

struct TextServer::Client {
  Client(TextServer& owner, core::Fd accepted)
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

  TextServer& server;
  core::Fd fd;
  core::Pollable pollable;
  core::Timer deadline;
  std::string in, out;
  bool handled = false;   // its page is being made
  bool answered = false;  // `out` is on its way
};

TextServer::TextServer(core::EventLoop& loop, core::Fd listening,
                       absl::flat_hash_map<std::string, Page> pages)
    : loop_(loop),
      listening_(std::move(listening)),
      pollable_{[](void* self, uint32_t) { static_cast<TextServer*>(self)->Accept(); }, this},
      accept_again_(
          [](void* self) {
            auto* server = static_cast<TextServer*>(self);
            server->loop_.ModifyLevel(server->listening_.get(), server->pollable_, EPOLLIN);
          },
          this),
      pages_(std::move(pages)) {
  CHECK(loop_.AddLevel(listening_.get(), pollable_));
}

TextServer::~TextServer() {
  while (!clients_.empty()) Close(*clients_.back());
  loop_.Remove(listening_.get(), pollable_);
}

void TextServer::Accept() {
  core::Fd fd(::accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!fd.valid()) {
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
    // No descriptors or memory: whoever waits goes on waiting, and the loop does not spin on them.
    loop_.ModifyLevel(listening_.get(), pollable_, 0);
    return loop_.timers().Arm(accept_again_, kAcceptPauseMs);
  }
  // The oldest makes room, so that a client that holds connections locks nobody out.
  if (clients_.size() >= kMaxClients) Close(*clients_.front());
  auto client = std::make_shared<Client>(*this, std::move(fd));
  if (!loop_.AddEdge(client->fd.get(), client->pollable)) return;
  loop_.timers().Arm(client->deadline, kDeadlineMs);
  clients_.push_back(std::move(client));
}

void TextServer::Read(Client& client) {
  char chunk[2048];
  while (!client.handled) {
    const ssize_t n = ::recv(client.fd.get(), chunk, sizeof chunk, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return Close(client);
    client.in.append(chunk, static_cast<size_t>(n));
    if (client.in.find("\r\n\r\n") != std::string::npos) return Handle(client);
    if (client.in.size() > kMaxHeadBytes)
      return Answer(client, 431, "Request Header Fields Too Large", "");
  }
}

void TextServer::Handle(Client& client) {
  client.handled = true;
  const std::vector<std::string_view> words =
      absl::StrSplit(std::string_view(client.in).substr(0, client.in.find("\r\n")), ' ');
  if (words.size() != 3 || !absl::StartsWith(words[2], "HTTP/1."))
    return Answer(client, 400, "Bad Request", "");
  if (words[0] != "GET") return Answer(client, 405, "Method Not Allowed", "");
  const auto page = pages_.find(words[1].substr(0, words[1].find('?')));
  if (page == pages_.end()) return Answer(client, 404, "Not Found", "");
  const auto found =
      std::ranges::find_if(clients_, [&](const auto& c) { return c.get() == &client; });
  page->second([this, weak = std::weak_ptr<Client>(*found)](std::string text) {
    if (const std::shared_ptr<Client> waiting = weak.lock()) Answer(*waiting, 200, "OK", text);
  });
}

void TextServer::Answer(Client& client, int status, std::string_view reason,
                        std::string_view text) {
  client.handled = client.answered = true;
  client.out = absl::StrCat(
      "HTTP/1.1 ", status, " ", reason,
      "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: ", text.size(),
      "\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n", text);
  Write(client);
}

void TextServer::Write(Client& client) {
  while (!client.out.empty()) {
    const ssize_t n =
        ::send(client.fd.get(), client.out.data(), client.out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) break;
    client.out.erase(0, static_cast<size_t>(n));
  }
  Close(client);
}

void TextServer::Close(Client& client) {
  loop_.Remove(client.fd.get(), client.pollable);
  const auto found =
      std::ranges::find_if(clients_, [&](const auto& c) { return c.get() == &client; });
  clients_.erase(found);  // frees it
}

}  // namespace sluice::metrics
