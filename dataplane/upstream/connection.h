// A connection to an endpoint: a socket, its codec, and its place in the pool. One thread.
// HTTP/1.1: it serves one exchange at a time, then goes back to the pool it came from, or dies.
// HTTP/2: it is shared by many, and listed in the pool while it has room; it dies of idleness, of
// a GOAWAY after its last exchange, or with its endpoint.
#pragma once

#include <memory>

#include "dataplane/core/limits.h"
#include "dataplane/core/socket.h"
#include "dataplane/core/timer_wheel.h"
#include "dataplane/http/codec.h"
#include "dataplane/upstream/endpoint.h"

namespace sluice::upstream {

class Pool;

enum class Protocol : uint8_t { kHttp1, kHttp2 };

class Connection final : core::SocketOwner, http::Transport {
 public:
  // Speaks the pool's protocol.
  Connection(core::IoContext& io, const core::Limits& limits, Pool& pool,
             std::shared_ptr<Endpoint> endpoint);
  ~Connection();

  // Begins to connect; a failure that is known at once comes as a fault, later ones reset the
  // exchange. What is sent before the connection stands is kept and sent then.
  [[nodiscard]] core::Fault Connect();

  // The exchange's handle is codec(). After its end (OnResponseEnd and the request sent, or
  // Cancel), Release gives the connection back; it may be gone when Release returns. A reset
  // exchange is given back already.
  http::ClientCodec& codec() { return *codec_; }
  void Release();

  const Endpoint& endpoint() const { return *endpoint_; }
  bool reused() const { return exchanges_ > 1; }
  // Nothing that is sent on it can be refused unseen, as it can where streams are.
  bool dedicated() const { return !shared_ && !connecting_; }

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

  // From the pool.
  bool usable() const { return socket_.open() && codec_->can_open(); }
  bool idle() const { return codec_->idle(); }
  void Take();  // for one more exchange
  void Rest();  // HTTP/1: until it is taken again

  void Settle();
  void OnTimer();
  void OnConnectTimeout();
  bool IsLeftAlone() const;
  void Fail(core::Fault fault);

  core::IoContext& io_;
  const core::Limits& limits_;
  Pool* pool_;  // null once the pool has let go of us
  std::shared_ptr<Endpoint> endpoint_;
  core::Socket socket_;
  std::unique_ptr<http::ClientCodec> codec_;
  core::Timer timer_;
  core::Deferred reap_;
  const bool shared_;  // HTTP/2
  uint32_t exchanges_ = 0;
  uint64_t used_ms_ = 0;  // shared: when an exchange began or ended last
  bool connecting_ = false;
  bool heard_ = false;    // a byte has come
  bool in_pool_ = false;  // listed by the pool as ready: idle (HTTP/1), or with room (HTTP/2)
  size_t index_ = 0;      // in the pool's list of all connections
};

}  // namespace sluice::upstream
