#include "dataplane/upstream/connection.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>

#include "dataplane/http/h1_client.h"
#include "dataplane/http/h2_client.h"
#include "dataplane/upstream/pool.h"

namespace sluice::upstream {
namespace {

constexpr uint64_t kSlackMs = 20;  // that a timer may fire early or late

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

// Of ours that has run out: descriptors, ports, memory. No endpoint is to blame.
bool IsShortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM ||
         error == EADDRNOTAVAIL || error == EAGAIN;
}

std::unique_ptr<http::ClientCodec> MakeCodec(bool shared, http::Transport& transport,
                                             core::IoContext& io, const core::Limits& limits,
                                             uint32_t known_capacity) {
  if (!shared) return std::make_unique<http::H1ClientCodec>(transport, limits);
  return std::make_unique<http::H2ClientCodec>(
      transport, limits, http::H2ClientContext{io.loop, io.buffers}, known_capacity);
}

}  // namespace

Connection::Connection(core::IoContext& io, const core::Limits& limits, Pool& pool,
                       std::shared_ptr<Endpoint> endpoint)
    : io_(io),
      limits_(limits),
      pool_(&pool),
      endpoint_(std::move(endpoint)),
      socket_(io, *this),
      codec_(
          MakeCodec(pool.protocol() == Protocol::kHttp2, *this, io, limits, endpoint_->capacity)),
      timer_([](void* self) { static_cast<Connection*>(self)->OnTimer(); }, this),
      reap_(
          [](void* self) {
            auto* connection = static_cast<Connection*>(self);
            connection->pool_->Forget(*connection);
          },
          this),
      shared_(pool.protocol() == Protocol::kHttp2) {}

Connection::~Connection() = default;

core::Fault Connection::Connect() {
  core::Fd fd = MakeSocket(endpoint_->address, limits_);
  if (!fd.valid()) return core::MakeFault(core::FaultCode::kOverload);
  const bool done = connect(fd.get(), endpoint_->address.get(), endpoint_->address.size()) == 0;
  if (!done && IsShortage(errno)) return core::MakeFault(core::FaultCode::kOverload);
  if (!done && errno != EINPROGRESS) {
    return core::MakeFault(core::FaultCode::kConnectFailure, core::Retry::kYes);
  }
  connecting_ = !done;
  if (!socket_.Open(std::move(fd), connecting_)) {
    return core::MakeFault(core::FaultCode::kOverload);
  }
  if (connecting_) {
    io_.loop.timers().Arm(timer_, limits_.connect_ms);
  } else {
    OnConnected();
  }
  return {};
}

void Connection::OnConnected() {
  connecting_ = false;
  endpoint_->failures = 0;
  endpoint_->avoid_until_ms = 0;
  if (shared_) {
    io_.loop.timers().Arm(timer_, limits_.stall_ms);  // until its SETTINGS
  } else {
    timer_.Cancel();
  }
}

void Connection::OnBytes(core::Bytes bytes) {
  heard_ = true;
  // An idle connection owes us nothing: bytes on it are a broken or hostile backend.
  if (in_pool_ && !shared_) return Fail(core::MakeFault(core::FaultCode::kUpstreamProtocol));
  if (core::Fault fault = codec_->OnBytes(bytes)) return Fail(fault);
  if (shared_) Settle();
}

void Connection::OnEof() {
  if (shared_ || !in_pool_) codec_->OnEof();
  if (!codec_->idle()) {
    // A tunnel may go on in the other direction; anything else was settled by the codec.
    return;
  }
  Fail(core::MakeFault(core::FaultCode::kUpstreamReset, core::Retry::kIfReused));
}

void Connection::OnFlushed() {
  codec_->OnFlushed();
  if (shared_) Settle();
}

void Connection::OnLost(int) {
  if (connecting_) {
    pool_->OnConnectFailure(*endpoint_);
    return Fail(core::MakeFault(core::FaultCode::kConnectFailure, core::Retry::kYes));
  }
  Fail(core::MakeFault(core::FaultCode::kUpstreamReset, core::Retry::kIfReused));
}

void Connection::OnTimer() {
  if (connecting_ || (shared_ && !heard_)) return OnConnectTimeout();
  if (IsLeftAlone()) return Fail({});
  io_.loop.timers().Arm(timer_, limits_.pool_idle_ms);
}

// Whoever accepts and then says nothing does not speak HTTP/2; but it may have read requests.
void Connection::OnConnectTimeout() {
  pool_->OnConnectFailure(*endpoint_);
  const core::Retry retry = connecting_ ? core::Retry::kYes : core::Retry::kNo;
  Fail(core::MakeFault(core::FaultCode::kConnectTimeout, retry));
}

bool Connection::IsLeftAlone() const {
  return !shared_ ||
         (codec_->idle() && io_.loop.now_ms() - used_ms_ + kSlackMs >= limits_.pool_idle_ms);
}

void Connection::Take() {
  ++exchanges_;
  used_ms_ = io_.loop.now_ms();
}

// HTTP/1 until taken again; the pool cancels it then.
void Connection::Rest() { io_.loop.timers().Arm(timer_, limits_.pool_idle_ms); }

void Connection::Fail(core::Fault fault) {
  if (reap_.queued()) return;
  if (in_pool_) pool_->RemoveReady(*this);
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
  if (shared_) {
    used_ms_ = io_.loop.now_ms();
    return Settle();
  }
  const bool keep = socket_.open() && codec_->idle() && codec_->reusable() && !endpoint_->retired;
  if (!keep) return Fail({});
  pool_->PutReady(*this);
}

// Shared: what has become of its room, after anything that may have changed it.
void Connection::Settle() {
  if (reap_.queued()) return;
  if (heard_) endpoint_->capacity = codec_->capacity();
  const bool useful = !endpoint_->retired && codec_->reusable() && codec_->capacity() > 0;
  if (codec_->idle() && !useful) return Fail({});
  if (!in_pool_ && !endpoint_->retired && codec_->can_open()) pool_->PutReady(*this);
}

}  // namespace sluice::upstream
