#include "dataplane/upstream/connection.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "dataplane/http/h1_client.h"
#include "dataplane/upstream/pool.h"

namespace sluice::upstream {
namespace {

void SetOption(int fd, int level, int option, int value) {
  // Best effort: each only improves on the default.
  (void)setsockopt(fd, level, option, &value, sizeof value);
}

core::Fd MakeSocket(const core::Address& address, const core::Limits& limits) {
  core::Fd fd(
      socket(address.ipv6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fd;
  SetOption(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  SetOption(fd.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
  SetOption(fd.get(), IPPROTO_TCP, TCP_KEEPIDLE, 15);
  SetOption(fd.get(), IPPROTO_TCP, TCP_KEEPINTVL, 5);
  SetOption(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(limits.stall_ms));
  return fd;
}

}  // namespace

Connection::Connection(core::IoContext& io, const core::Limits& limits, Pool& pool,
                       std::shared_ptr<Endpoint> endpoint)
    : io_(io),
      limits_(limits),
      pool_(&pool),
      endpoint_(std::move(endpoint)),
      socket_(io, *this),
      codec_(std::make_unique<http::H1ClientCodec>(static_cast<http::Transport&>(*this), limits)),
      timer_([](void* self) { static_cast<Connection*>(self)->OnTimer(); }, this),
      reap_(
          [](void* self) {
            auto* connection = static_cast<Connection*>(self);
            connection->pool_->Forget(*connection);
          },
          this) {}

Connection::~Connection() = default;

core::Fault Connection::Connect() {
  core::Fd fd = MakeSocket(endpoint_->address, limits_);
  if (!fd.valid()) return core::MakeFault(core::FaultCode::kOverload);
  const bool done = connect(fd.get(), endpoint_->address.get(), endpoint_->address.size()) == 0;
  if (!done && errno != EINPROGRESS) {
    return core::MakeFault(core::FaultCode::kConnectFailure, core::Retry::kYes);
  }
  connecting_ = !done;
  if (!socket_.Open(std::move(fd), connecting_)) {
    return core::MakeFault(core::FaultCode::kOverload);
  }
  if (connecting_) io_.loop.timers().Arm(timer_, limits_.connect_ms);
  return {};
}

void Connection::OnConnected() {
  connecting_ = false;
  endpoint_->failures = 0;
  endpoint_->avoid_until_ms = 0;
  timer_.Cancel();
}

void Connection::OnBytes(core::Bytes bytes) {
  // An idle connection owes us nothing: bytes on it are a broken or hostile backend.
  if (in_pool_) return Fail(core::MakeFault(core::FaultCode::kUpstreamProtocol));
  if (core::Fault fault = codec_->OnBytes(bytes)) Fail(fault);
}

void Connection::OnEof() {
  if (!in_pool_) codec_->OnEof();
  if (!codec_->idle()) {
    // A tunnel may go on in the other direction; anything else was settled by the codec.
    return;
  }
  Fail(core::MakeFault(core::FaultCode::kUpstreamReset, core::Retry::kIfReused));
}

void Connection::OnFlushed() { codec_->OnFlushed(); }

void Connection::OnLost(int) {
  if (connecting_) {
    pool_->OnConnectFailure(*endpoint_);
    return Fail(core::MakeFault(core::FaultCode::kConnectFailure, core::Retry::kYes));
  }
  Fail(core::MakeFault(core::FaultCode::kUpstreamReset, core::Retry::kIfReused));
}

void Connection::OnTimer() {
  if (connecting_) {
    pool_->OnConnectFailure(*endpoint_);
    return Fail(core::MakeFault(core::FaultCode::kConnectTimeout, core::Retry::kYes));
  }
  Fail({});  // idle for too long
}

void Connection::ArmIdleTimer() { io_.loop.timers().Arm(timer_, limits_.pool_idle_ms); }

void Connection::Fail(core::Fault fault) {
  if (reap_.queued()) return;
  if (in_pool_) pool_->RemoveIdle(*this);
  socket_.Close();
  timer_.Cancel();
  io_.loop.Defer(reap_);
  if (!codec_->idle()) {
    ++pool_->counters_.resets;
    codec_->OnConnectionLost(fault);
  }
}

void Connection::Release() {
  if (reap_.queued()) return;
  const bool keep = socket_.open() && codec_->idle() && codec_->reusable() && !endpoint_->retired;
  if (!keep) return Fail({});
  pool_->PutIdle(*this);
}

}  // namespace sluice::upstream
