#include "control/agent/handover.h"

#include <unistd.h>

#include <utility>

#include "absl/log/log.h"
#include "absl/strings/str_cat.h"
#include "dataplane/channel/unix_socket.h"

namespace sluice::agent {
using channel::Message;

HandoverServer::HandoverServer(core::EventLoop& loop, Events events)
    : loop_(loop),
      events_(std::move(events)),
      acceptor_(std::make_unique<core::Acceptor>(
          loop, [this](core::Fd socket) { OnAccepted(std::move(socket)); })) {}

absl::Status HandoverServer::Listen(const std::string& path) {
  absl::StatusOr<core::Fd> listening = channel::ListenUnix(path, 0600);
  if (!listening.ok()) return listening.status();
  acceptor_->Start(*std::move(listening));
  return absl::OkStatus();
}

void HandoverServer::OnAccepted(core::Fd socket) {
  const auto peer = channel::PeerOf(socket.get());
  if (handed_ || !peer.ok() || peer->uid != ::geteuid()) return;
  link_ = std::make_unique<channel::Link>(
      loop_, std::move(socket),
      channel::Link::Events{
          .on_message = [this](channel::Received received) { OnMessage(received.message); },
          .on_closed = [this](const absl::Status&) { link_.reset(); }});
}

void HandoverServer::OnMessage(const Message& message) {
  if (!message.has_take_over() || handed_)
    return link_->Close(absl::InvalidArgumentError("TakeOver comes first, and once"));
  if (message.take_over().version() != channel::kWireVersion) {
    LOG(ERROR) << "not handed over: the new agent speaks version " << message.take_over().version();
    return link_->Close(absl::UnimplementedError("another version"));
  }
  handed_ = true;
  acceptor_.reset();
  events_.let_go();
  Message handed, sockets;
  handed.mutable_handed();
  std::vector<int> fds;
  events_.describe(*sockets.mutable_sockets(), fds);
  link_->Send(handed);
  link_->Send(sockets, fds);
  LOG(INFO) << "handed over to the agent of build " << message.take_over().build();
}

Handover::Handover(core::EventLoop& loop, Done done)
    : loop_(loop),
      done_(std::move(done)),
      deadline_(
          [](void* self) {
            static_cast<Handover*>(self)->Finish(
                absl::DeadlineExceededError("the running agent does not hand over"));
          },
          this),
      finish_(
          [](void* self) {
            auto* handover = static_cast<Handover*>(self);
            Done done = std::move(handover->done_);
            done(std::move(handover->result_));  // `handover` may be gone after this
          },
          this),
      result_(absl::UnknownError("")) {}

absl::Status Handover::Start(const std::string& path) {
  absl::StatusOr<core::Fd> socket = channel::ConnectUnix(path);
  if (!socket.ok()) return socket.status();
  link_ = std::make_unique<channel::Link>(
      loop_, *std::move(socket),
      channel::Link::Events{
          .on_message = [this](channel::Received received) { OnMessage(std::move(received)); },
          .on_closed = [this](const absl::Status& why) { Finish(why); }});
  Message message;
  message.mutable_take_over()->set_version(channel::kWireVersion);
  link_->Send(message);
  loop_.timers().Arm(deadline_, kDeadlineMs);
  return absl::OkStatus();
}

void Handover::OnMessage(channel::Received received) {
  const Message& message = received.message;
  if (message.has_handed()) {
    handed_ = true;
  } else if (message.has_sockets() && handed_) {
    Finish(std::move(received));
  } else {
    Finish(absl::InvalidArgumentError(
        absl::StrCat("a hand-over message of kind ", message.kind_case())));
  }
}

void Handover::Finish(absl::StatusOr<Sockets> result) {
  if (finish_.queued() || !done_) return;
  deadline_.Cancel();
  result_ = std::move(result);
  loop_.Defer(finish_);
}

}  // namespace sluice::agent
