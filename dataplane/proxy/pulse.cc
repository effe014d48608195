#include "dataplane/proxy/pulse.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "dataplane/channel/unix_socket.h"

namespace sluice::proxy {
namespace {

constexpr absl::Duration kRetryFloor = absl::Milliseconds(10);

}  // namespace

Pulse::Pulse(std::string path, worker::Fleet& fleet)
    : path_(std::move(path)),
      fleet_(fleet),
      mailbox_(loop_),
      retry_([](void* self) { static_cast<Pulse*>(self)->Connect(); }, this),
      thread_([this] {
        ::pthread_setname_np(::pthread_self(), "pulse");
        Connect();
        loop_.Run();
      }) {}

Pulse::~Pulse() {
  loop_.Stop();
  thread_.join();
  // Pings that are with the workers come back to our mailbox: wait for the last of them.
  bool answered = false;
  fleet_.PingFrom(mailbox_, [&] { answered = true; });
  while (!answered) loop_.RunOnce();
}

void Pulse::Connect() {
  absl::StatusOr<core::Fd> socket = channel::ConnectUnix(path_);
  if (!socket.ok()) return RetryLater();
  ++conversation_;
  link_ = std::make_unique<channel::Link>(
      loop_, *std::move(socket),
      channel::Link::Events{
          .on_message = [this](channel::Received r) { OnMessage(r.message); },
          .on_closed = [this](const absl::Status&) {  // the main conversation reports it
            link_.reset();
            RetryLater();
          }});
}

void Pulse::RetryLater() {
  const absl::Duration wait = std::max(backoff_.Failed(absl::ZeroDuration()), kRetryFloor);
  loop_.timers().Arm(retry_, static_cast<uint64_t>(absl::ToInt64Milliseconds(wait)));
}

void Pulse::OnMessage(const channel::Message& message) {
  if (!message.has_ping()) return link_->Close(absl::InvalidArgumentError("only pings come here"));
  backoff_.Succeeded();
  fleet_.PingFrom(mailbox_, [this, conversation = conversation_, nonce = message.ping().nonce()] {
    if (link_ == nullptr || conversation != conversation_) return;
    channel::Message pong;
    pong.mutable_pong()->set_nonce(nonce);
    link_->Send(pong);
  });
}

}  // namespace sluice::proxy
