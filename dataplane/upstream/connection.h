// A connection to an endpoint: a socket, its codec, and its place in the pool. One thread.
// It serves one exchange at a time (HTTP/1.1), then goes back to the pool it came from, or dies.
#pragma once

#include <memory>

#include "dataplane/core/limits.h"
#include "dataplane/core/socket.h"
#include "dataplane/core/timer_wheel.h"
#include "dataplane/http/codec.h"
#include "dataplane/upstream/endpoint.h"

namespace sluice::upstream {

class Pool;

class Connection final : core::SocketOwner, http::Transport {
 public:
  Connection(core::IoContext& io, const core::Limits& limits, Pool& pool,
             std::shared_ptr<Endpoint> endpoint);
  ~Connection();

  // Begins to connect; a failure that is known at once comes as a fault, later ones reset the
  // exchange. What is sent before the connection stands is kept and sent then.
  [[nodiscard]] core::Fault Connect();

  // The exchange's handle is codec(). After its end (OnResponseEnd and the request sent, or
  // Cancel), Release gives the connection back; it may be gone when Release returns.
  http::ClientCodec& codec() { return *codec_; }
  void Release();

  const Endpoint& endpoint() const { return *endpoint_; }
  bool reused() const { return exchanges_ > 1; }
  void CountExchange() { ++exchanges_; }
  bool usable() const { return socket_.open() && codec_->can_open(); }

  // Called by the pool when the connection goes idle and when it is taken again.
  void ArmIdleTimer();
  void DisarmTimer() { timer_.Cancel(); }

 private:
  friend class Pool;

  void OnConnected() override;
  void OnBytes(core::Bytes bytes) override;
  void OnEof() override;
  void OnBeforeFlush() override {}
  void OnFlushed() override;
  void OnLost(int error) override;

  void Write(core::Bytes bytes) override { socket_.Write(bytes); }
  void EndWriting() override { socket_.ShutdownAfterFlush(); }
  size_t unsent() const override { return socket_.unsent(); }
  void PauseReading(bool paused) override { socket_.PauseReading(paused); }

  void OnTimer();
  void Fail(core::Fault fault);

  core::IoContext& io_;
  const core::Limits& limits_;
  Pool* pool_;  // null once the pool has let go of us
  std::shared_ptr<Endpoint> endpoint_;
  core::Socket socket_;
  std::unique_ptr<http::ClientCodec> codec_;
  core::Timer timer_;
  core::Deferred reap_;
  uint32_t exchanges_ = 0;
  bool connecting_ = false;
  bool in_pool_ = false;  // idle, and listed by the pool
  size_t index_ = 0;      // in the pool's list of all connections
};

}  // namespace sluice::upstream
