#include "dataplane/proxy/agent_client.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/log/log.h"
#include "absl/strings/str_cat.h"
#include "dataplane/channel/unix_socket.h"

namespace sluice::proxy {
namespace {

using channel::Message;

constexpr absl::Duration kRetryFloor = absl::Milliseconds(10);

// The kernel's name for a socket, the same for all descriptors of it.
uint64_t CookieOf(int fd) {
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  ::getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size);
  return cookie;
}

bool IsListening(int fd) {
  int listening = 0;
  socklen_t size = sizeof listening;
  return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening == 1;
}

// Only root and this very user may configure a proxy.
absl::Status CheckPeer(int fd) {
  const auto peer = channel::PeerOf(fd);
  if (!peer.ok()) return peer.status();
  if (peer->uid == 0 || peer->uid == ::geteuid()) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("the agent's socket belongs to user ", peer->uid));
}

}  // namespace

AgentClient::AgentClient(core::EventLoop& loop, std::string path, Serving& serving, Events events)
    : loop_(loop),
      path_(std::move(path)),
      serving_(serving),
      events_(std::move(events)),
      retry_([](void* self) { static_cast<AgentClient*>(self)->Connect(); }, this) {}

void AgentClient::Connect() {
  absl::StatusOr<core::Fd> socket = channel::ConnectUnix(path_);
  if (!socket.ok()) return RetryLater(socket.status());
  if (absl::Status checked = CheckPeer(socket->get()); !checked.ok()) return RetryLater(checked);
  ++conversation_;
  greeted_ = false;
  link_ = std::make_unique<channel::Link>(
      loop_, *std::move(socket),
      channel::Link::Events{.on_message = [this](channel::Received r) { OnMessage(std::move(r)); },
                            .on_closed =
                                [this](const absl::Status& why) {
                                  link_.reset();
                                  RetryLater(why);
                                }});
  SayHello();
}

void AgentClient::RetryLater(const absl::Status& why) {
  if (backoff_.failures() == 0) {
    LOG(WARNING) << "no agent (" << why.message() << "); serving generation " << held_.number()
                 << " on";
  }
  const absl::Duration wait = std::max(backoff_.Failed(absl::ZeroDuration()), kRetryFloor);
  loop_.timers().Arm(retry_, static_cast<uint64_t>(absl::ToInt64Milliseconds(wait)));
}

void AgentClient::SayHello() {
  Message message;
  channel::Hello& hello = *message.mutable_hello();
  hello.set_version(channel::kWireVersion);
  hello.set_workers(static_cast<uint32_t>(serving_.fleet().size()));
  hello.set_have_sockets(!sockets_.empty());
  held_.WriteTo(hello);
  link_->Send(message);
}

void AgentClient::OnMessage(channel::Received received) {
  const Message& message = received.message;
  if (greeted_ == message.has_hello()) {
    return link_->Close(absl::InvalidArgumentError("Hello comes first, and once"));
  }
  switch (message.kind_case()) {
    case Message::kHello:
      return OnHello(message.hello());
    case Message::kSockets:
      return OnSockets(message.sockets(), std::move(received.fds));
    case Message::kUpdate:
      return OnUpdate(message.update());
    case Message::kPing: {
      const auto pong = [this, conversation = conversation_, nonce = message.ping().nonce()] {
        if (link_ == nullptr || conversation != conversation_) return;
        Message answer;
        answer.mutable_pong()->set_nonce(nonce);
        link_->Send(answer);
      };
      return serving_.fleet().Ping(pong);
    }
    case Message::kStatsRequest:
      return OnStatsRequest(message.stats_request().nonce());
    case Message::kDrain:
      return events_.drain(absl::Milliseconds(message.drain().timeout_ms()));
    default:
      return link_->Close(
          absl::InvalidArgumentError(absl::StrCat("a message of kind ", message.kind_case())));
  }
}

void AgentClient::OnHello(const channel::Hello& hello) {
  if (hello.version() != channel::kWireVersion) {
    return link_->Close(
        absl::UnimplementedError(absl::StrCat("the agent speaks version ", hello.version())));
  }
  greeted_ = true;
  backoff_.Succeeded();
  serving_.UseTicketSecret(hello.ticket_secret());
  LOG(INFO) << "connected to the agent" << (hello.build().empty() ? "" : " ") << hello.build();
  if (!hello.have_sockets() && !sockets_.empty()) GiveSocketsBack();
}

void AgentClient::GiveSocketsBack() {
  Message message;
  std::vector<int> fds;
  for (const HeldSocket& held : sockets_) {
    *message.mutable_sockets()->add_sockets() = held.about;
    fds.push_back(held.fd.get());
  }
  link_->Send(message, fds);
}

bool AgentClient::Holds(int fd) const {
  const uint64_t cookie = CookieOf(fd);
  return std::ranges::any_of(
      sockets_, [&](const HeldSocket& held) { return CookieOf(held.fd.get()) == cookie; });
}

void AgentClient::OnSockets(const channel::Sockets& sockets, std::vector<core::Fd> fds) {
  for (size_t i = 0; i < fds.size(); ++i) {
    if (!IsListening(fds[i].get()))
      return link_->Close(absl::InvalidArgumentError("a socket that does not listen"));
    if (Holds(fds[i].get())) continue;
    const channel::Sockets::Socket& about = sockets.sockets(static_cast<int>(i));
    core::Fd duplicate(::dup(fds[i].get()));
    if (!duplicate.valid())
      return link_->Close(absl::ErrnoToStatus(errno, "duplicating a listening socket"));
    sockets_.push_back({about, std::move(duplicate)});
    serving_.AddSocket(static_cast<int>(about.worker() & 0xffff),
                       {.fd = std::move(fds[i]), .listener_id = {}});
  }
}

void AgentClient::OnUpdate(const channel::Update& update) {
  if (applying_)
    return link_->Close(absl::InvalidArgumentError("an update before the last was answered"));
  auto next = held_.Prepare(update);
  if (!next.ok()) {
    const bool resend = next.status().code() == absl::StatusCode::kFailedPrecondition;
    LOG(ERROR) << "generation " << update.generation() << ": " << next.status().message();
    return Answer(update.generation(), next.status(), resend);
  }
  applying_ = true;
  auto shared = std::make_shared<HeldGeneration::Next>(*std::move(next));
  serving_.Apply(shared->number, shared->snapshot, shared->certificates,
                 [this, shared, conversation = conversation_](const absl::Status& result) {
                   applying_ = false;
                   const uint64_t number = shared->number;
                   if (result.ok()) held_.Commit(std::move(*shared));
                   if (conversation == conversation_) Answer(number, result, false);
                 });
}

void AgentClient::Answer(uint64_t generation, const absl::Status& result, bool resend) {
  if (link_ == nullptr) return;
  Message message;
  channel::Ack& ack = *message.mutable_ack();
  ack.set_generation(generation);
  if (!result.ok()) ack.set_error(std::string(result.message()));
  ack.set_resend(resend);
  link_->Send(message);
}

void AgentClient::OnStatsRequest(uint64_t nonce) {
  events_.collect_stats([this, conversation = conversation_, nonce](std::string text) {
    if (link_ == nullptr || conversation != conversation_) return;
    Message answer;
    answer.mutable_stats()->set_nonce(nonce);
    answer.mutable_stats()->set_prometheus_text(std::move(text));
    link_->Send(answer);
  });
}

}  // namespace sluice::proxy
