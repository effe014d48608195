// A client's connection: socket, TLS if the port has it, the codec that ALPN or the first bytes
// choose, and the streams that come by it. One thread, one worker, from accept to close.
//
//   socket -> [TLS] -> codec -> Stream     (OnBytes, Deliver)
//   socket <- [TLS] <- codec <- Stream     (Write, sealed and sent at the turn's end)
//
// Idle it holds no buffer. What a handler still stands in is freed at the turn's end (Settle).
#pragma once

#include <memory>

#include "dataplane/core/limits.h"
#include "dataplane/core/socket.h"
#include "dataplane/core/timer_wheel.h"
#include "dataplane/http/codec.h"
#include "dataplane/http/date_cache.h"
#include "dataplane/stream/stream.h"
#include "dataplane/tls/tls_contexts.h"
#include "dataplane/tls/tls_session.h"

namespace sluice::listener {

// Counters of one worker.
struct ConnectionCounters {
  uint64_t accepted = 0;
  uint64_t refused = 0;  // over the limit, or at an address that nothing serves
  uint64_t open = 0;
  uint64_t handshakes = 0;
  uint64_t handshakes_resumed = 0;
  uint64_t handshake_failures = 0;
  uint64_t rejected[core::kFaultCodes] = {};  // requests that the codec answered itself
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;
};

class Connection;

// Owns connections; the worker.
class ConnectionOwner {
 public:
  virtual void OnConnectionClosed(Connection& connection) = 0;  // free it

 protected:
  ~ConnectionOwner() = default;
};

// What all connections of a worker share.
struct ConnectionContext {
  core::IoContext& io;
  const core::Limits& limits;
  stream::StreamContext& streams;
  http::DateCache& date;
  std::span<uint8_t> plaintext;  // 16 kB; filled by one TLS read, used up before the next
  ConnectionCounters& counters;
  ConnectionOwner& owner;
};

class Connection final : core::SocketOwner,
                         http::Transport,
                         http::StreamFactory,
                         public stream::Downstream {
 public:
  explicit Connection(ConnectionContext& context);
  ~Connection();

  // Takes an accepted socket; `client`, `local` and `fixed_listener` are set. False: it is not to
  // be served, and closed.
  [[nodiscard]] bool Open(core::Fd fd, const std::shared_ptr<const tls::TlsContexts>& contexts);

  // No new requests; closes when those that are open have ended.
  void Drain();

  // Place in the worker's list.
  size_t index = 0;

 private:
  enum class Phase : uint8_t { kHandshake, kSniff, kServing, kClosing, kLingering, kClosed };
  enum PauseReason : uint8_t { kBody = 1, kHeld = 2 };

  // core::SocketOwner
  void OnConnected() override {}
  void OnBytes(core::Bytes bytes) override;
  void OnEof() override;
  void OnBeforeFlush() override { Seal(); }
  void OnFlushed() override;
  void OnLost(int error) override;
  void OnResetWhilePaused() override;

  // http::Transport
  void Write(core::Bytes bytes) override;
  size_t unsent() const override { return plain_.size() + socket_.unsent(); }
  uint64_t acknowledged() const override { return socket_.bytes_acknowledged(); }
  void EndWriting() override;
  void PauseReading(bool paused) override { Pause(kBody, paused); }

  // http::StreamFactory
  http::RequestReceiver& NewStream(http::StreamId id) override;
  void OnRejected(core::Fault fault) override;

  // stream::Downstream
  http::ServerCodec& codec() override { return *codec_; }
  void OnStreamDone(stream::Stream& stream) override;

  void OnCiphertext(core::Bytes bytes);
  void OnHandshakeDone();
  void OnTlsFailure();
  void Deliver(core::Bytes plaintext);
  void Sniff(core::Bytes plaintext);
  void Offer(core::Bytes plaintext);
  void OfferHeld();
  void MakeCodec(bool http2);
  void WriteTls(core::Bytes bytes);
  void Encrypt(core::Bytes bytes);
  void Seal();
  void Pause(PauseReason reason, bool paused);

  bool is_cut() const { return codec_ && codec_->is_cut(); }
  void Settle();
  void ArmTimer();
  void OnTimer();
  uint64_t Moved() const;
  uint64_t ClientDelay() const;
  bool MovesEnough(uint64_t in_ms);
  void BeginClose();
  void CloseNow(core::Fault fault);

  ConnectionContext& context_;
  core::Socket socket_;
  std::unique_ptr<tls::TlsSession> tls_;
  stream::RoutingRef handshake_routing_;  // what `tls_` was made with, until it is done
  std::unique_ptr<http::ServerCodec> codec_;
  core::ByteQueue plain_;  // TLS: written, not sealed yet
  core::ByteQueue held_;   // came before the codec wanted it
  stream::Stream* streams_ = nullptr;
  stream::Stream* done_streams_ = nullptr;
  core::Timer timer_;
  core::Deferred settle_;
  Phase phase_ = Phase::kSniff;
  uint8_t pause_ = 0;
  enum class Waiting : uint8_t {
    kNothing,
    kHandshake,
    kHead,
    kIdle,
    kStreams,
    kClient,  // no stream is left, but the client has to send or to take the rest
    kClose
  } waiting_ = Waiting::kNothing;
  uint64_t moved_ = 0;  // when the timer was armed
  bool eof_ = false;
  bool draining_ = false;
  bool awaits_first_ = true;  // no request has begun here yet, and one may come
};

}  // namespace sluice::listener
