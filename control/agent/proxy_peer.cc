#include "control/agent/proxy_peer.h"

#include <openssl/mem.h>
#include <openssl/rand.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "absl/log/log.h"
#include "absl/strings/str_cat.h"
#include "dataplane/channel/unix_socket.h"

namespace sluice::agent {

using channel::Message;

namespace {

certs::SecretBytes RandomSecret() {
  std::array<uint8_t, 32> bytes;
  RAND_bytes(bytes.data(), bytes.size());
  certs::SecretBytes secret(bytes);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return secret;
}

}  // namespace

bool MayBeProxy(unsigned uid, std::optional<unsigned> proxy_uid) {
  return uid == proxy_uid || uid == ::geteuid();
}

ProxyPeer::ProxyPeer(core::EventLoop& loop, std::optional<unsigned> proxy_uid,
                     ListeningSockets& sockets, publish::Publisher& publisher, Events events)
    : loop_(loop),
      proxy_uid_(proxy_uid),
      sockets_(sockets),
      publisher_(publisher),
      events_(std::move(events)),
      ticket_secret_(RandomSecret()),
      acceptor_(std::make_unique<core::Acceptor>(
          loop, [this](core::Fd socket) { OnAccepted(std::move(socket)); })) {}

absl::Status ProxyPeer::Listen(const std::string& path) {
  // Anybody who gets into the folder may connect; who he is decides (MayBeProxy).
  absl::StatusOr<core::Fd> listening = channel::ListenUnix(path, 0666);
  if (!listening.ok()) return listening.status();
  acceptor_->Start(*std::move(listening));
  return absl::OkStatus();
}

void ProxyPeer::OnAccepted(core::Fd socket) {
  const auto peer = channel::PeerOf(socket.get());
  if (!peer.ok() || !MayBeProxy(peer->uid, proxy_uid_)) {
    LOG(WARNING) << "turned away user " << (peer.ok() ? peer->uid : 0) << " who is not the proxy's";
    return;
  }
  if (link_ != nullptr) OnClosed(absl::AbortedError("another proxy came"));
  link_ = std::make_unique<channel::Link>(
      loop_, std::move(socket),
      channel::Link::Events{.on_message = [this](channel::Received r) { OnMessage(std::move(r)); },
                            .on_closed = [this](const absl::Status& why) { OnClosed(why); }});
  Message hello;
  hello.mutable_hello()->set_version(channel::kWireVersion);
  hello.mutable_hello()->set_have_sockets(!sockets_.empty());
  hello.mutable_hello()->set_ticket_secret(ticket_secret_.RevealText().data(),
                                           ticket_secret_.RevealText().size());
  link_->Send(hello);
  channel::WipeKeys(hello);
}

void ProxyPeer::OnClosed(const absl::Status& why) {
  LOG(WARNING) << "the proxy is gone: " << why.message();
  const bool known = greeted_;
  link_.reset();
  greeted_ = false;
  awaiting_.reset();
  FinishStats("");
  if (known) publisher_.ProxyGone();
}

void ProxyPeer::OnMessage(channel::Received received) {
  if (absl::Status handled = Handle(std::move(received)); !handled.ok())
    link_->Close(std::move(handled));
}

absl::Status ProxyPeer::Handle(channel::Received received) {
  const Message& message = received.message;
  if (message.has_hello()) return OnHello(message.hello());
  if (message.has_sockets()) return OnSockets(std::move(received));
  if (!greeted_) return absl::InvalidArgumentError("Hello comes first");
  switch (message.kind_case()) {
    case Message::kAck:
      return publisher_.ProxyAnswered(message.ack());
    case Message::kStats:
      FinishStats(message.stats().prometheus_text());
      return absl::OkStatus();
    default:
      return absl::InvalidArgumentError(absl::StrCat("a message of kind ", message.kind_case()));
  }
}

absl::Status ProxyPeer::OnHello(const channel::Hello& hello) {
  if (greeted_ || awaiting_) return absl::InvalidArgumentError("a second Hello");
  if (hello.version() != channel::kWireVersion) {
    return absl::UnimplementedError(absl::StrCat("the proxy speaks version ", hello.version()));
  }
  workers_ =
      static_cast<int>(std::clamp<uint32_t>(hello.workers(), 1, channel::Connection::kMaxFds / 2));
  if (sockets_.empty() && hello.have_sockets()) {  // they follow
    awaiting_ = hello;
    return absl::OkStatus();
  }
  if (sockets_.empty()) {
    if (absl::Status made = events_.make_sockets(workers_); !made.ok()) return made;
    events_.on_sockets();
  }
  return Begin(hello);
}

absl::Status ProxyPeer::OnSockets(channel::Received received) {
  if (!awaiting_) return absl::InvalidArgumentError("sockets that nobody asked for");
  absl::Status taken = sockets_.TakeBack(received.message.sockets(), std::move(received.fds));
  if (!taken.ok()) return taken;
  LOG(INFO) << "got the listening sockets back from the proxy";
  events_.on_sockets();
  return Begin(*std::exchange(awaiting_, std::nullopt));
}

absl::Status ProxyPeer::Begin(const channel::Hello& hello) {
  LOG(INFO) << "a proxy with " << workers_ << " workers is there, serving generation "
            << hello.generation();
  greeted_ = true;
  SendSockets();
  publisher_.ProxyConnected(hello);
  return absl::OkStatus();
}

void ProxyPeer::Send(const Message& message) {
  if (link_ != nullptr) link_->Send(message);
}

void ProxyPeer::SendSockets() {
  if (!greeted_ || sockets_.empty()) return;
  Message message;
  std::vector<int> fds;
  sockets_.Describe(*message.mutable_sockets(), fds);
  link_->Send(message, fds);
}

void ProxyPeer::AskStats(std::function<void(std::string)> done) {
  if (!greeted_) return done("");
  stats_waiters_.push_back(std::move(done));
  if (stats_waiters_.size() > 1) return;  // asked already
  Message message;
  message.mutable_stats_request();
  link_->Send(message);
}

void ProxyPeer::FinishStats(std::string text) {
  for (const auto& done : std::exchange(stats_waiters_, {})) done(text);
}

}  // namespace sluice::agent
