#include "control/agent/liveness.h"

#include <pthread.h>

#include <utility>

#include "absl/log/log.h"
#include "control/agent/proxy_peer.h"
#include "dataplane/channel/unix_socket.h"

namespace sluice::agent {

Liveness::Liveness(LivenessOptions options)
    : options_(std::move(options)),
      acceptor_(loop_, [this](core::Fd socket) { OnAccepted(std::move(socket)); }),
      tick_([](void* self) { static_cast<Liveness*>(self)->Tick(); }, this) {
  if (options_.path == nullptr) return;
  ownership_ = std::make_unique<VipOwnership>(loop_, *options_.path, std::move(options_.ownership));
}

Liveness::~Liveness() {
  if (!thread_.joinable()) return;
  loop_.Stop();
  thread_.join();
}

absl::Status Liveness::Start() {
  absl::StatusOr<core::Fd> listening = channel::ListenUnix(options_.socket, 0666);
  if (!listening.ok()) return listening.status();
  acceptor_.Start(*std::move(listening));
  if (ownership_ != nullptr) {
    if (absl::Status heard = ownership_->Start(); !heard.ok()) {
      LOG(ERROR) << "other nodes cannot be heard yet: " << heard.message();
    }
  }
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "liveness");
    Tick();
    loop_.Run();
  });
  return absl::OkStatus();
}

void Liveness::OnAccepted(core::Fd socket) {
  const auto peer = channel::PeerOf(socket.get());
  if (!peer.ok() || !MayBeProxy(peer->uid, options_.proxy_uid)) return;
  nonce_ = answered_ = 0;
  link_ = std::make_unique<channel::Link>(
      loop_, std::move(socket),
      channel::Link::Events{.on_message = [this](channel::Received r) { OnMessage(r.message); },
                            .on_closed = [this](const absl::Status&) { link_.reset(); }});
}

void Liveness::Tick() {
  loop_.timers().Arm(tick_, static_cast<uint64_t>(absl::ToInt64Milliseconds(options_.interval)));
  if (ownership_ != nullptr) ownership_->CheckProxy();
  // A worker that hangs gets no second ping: it would only queue up behind the first.
  if (link_ == nullptr || nonce_ != answered_) return;
  channel::Message ping;
  ping.mutable_ping()->set_nonce(++nonce_);
  link_->Send(ping);
}

void Liveness::OnMessage(const channel::Message& message) {
  if (!message.has_pong() || message.pong().nonce() != nonce_) {
    return link_->Close(absl::InvalidArgumentError("only the answer to the last ping comes here"));
  }
  answered_ = nonce_;
  answers_.fetch_add(1, std::memory_order_relaxed);
  if (ownership_ != nullptr) ownership_->ProxyAnswered();
  if (!options_.renew) return;
  if (absl::Status renewed = options_.renew(); !renewed.ok()) {
    if (renew_failures_.fetch_add(1, std::memory_order_relaxed) == 0) {
      LOG(ERROR) << "cannot renew the deadline of the VIPs: " << renewed.message();
    }
  }
}

}  // namespace sluice::agent
