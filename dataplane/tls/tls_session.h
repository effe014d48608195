// The server's side of one TLS connection, over memory: it never sees the socket. Bytes from the
// peer are lent by Feed and drawn out decrypted by Read; what goes to the peer (handshake, records,
// alerts) is appended to the connection's output queue, which the connection flushes once a turn.
// One thread, that of the connection. Does not move.
//
//   Feed(received);
//   do { r = Read(buffer); use r.bytes; } while (r.state == kMore);   // then: flush the output
//
// Errors are Faults; the alert that tells the peer is in the output already, so the connection
// flushes and closes. TLS 1.2 renegotiation and 0-RTT are refused.
#pragma once

#include <openssl/base.h>
#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "dataplane/core/byte_queue.h"
#include "dataplane/core/bytes.h"
#include "dataplane/core/fault.h"
#include "dataplane/snapshot/listener_groups.h"
#include "dataplane/tls/tls_contexts.h"

namespace sluice::tls {

class TlsSession {
 public:
  enum class State : uint8_t {
    kMore,       // Read again: there may be more without further input
    kWantInput,  // all that was fed is used up
    kClosed,     // the peer sent close_notify, and everything before it has been read
    kFailed,     // fault() says why; nothing more can be read or written
  };
  struct ReadResult {
    size_t bytes = 0;
    State state = State::kWantInput;
  };

  // `out` must outlive the session.
  TlsSession(std::shared_ptr<const TlsContexts> contexts, snapshot::GroupId group,
             core::ByteQueue& out);
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // Lends `in` until a Read returns anything but kMore. REQUIRES: the last loan is used up.
  void Feed(core::Bytes in);
  // Drives the handshake, then decrypts into `out`, as much as fits. May give bytes with any state.
  // REQUIRES: out is not empty.
  ReadResult Read(std::span<uint8_t> out);

  // Encrypts all of `in` into the output. REQUIRES: handshake_done().
  core::Fault Write(core::Bytes in, uint64_t now_ms);
  // Queues close_notify; nothing can be written after it.
  void Shutdown();

  bool handshake_done() const { return done_; }
  core::Fault fault() const { return fault_; }
  // BoringSSL's word for the failure, static ("NO_SHARED_CIPHER"); "" if there was none.
  std::string_view failure() const;

  // After the handshake. The index is that of the generation the session was made with.
  snapshot::ListenerIndex listener() const { return listener_; }
  bool is_h2() const;
  std::string_view server_name() const;  // as sent; "" if none
  bool resumed() const { return SSL_session_reused(ssl_.get()); }
  std::string_view version() const { return SSL_get_version(ssl_.get()); }  // "TLSv1.3"
  std::string_view cipher() const;                                          // static, RFC name
  std::string_view group_name() const;  // of the key exchange, static

  // For MakeServerContext: the point where the listener is chosen.
  static ssl_select_cert_result_t OnClientHello(const SSL_CLIENT_HELLO* hello);

 private:
  struct Io;  // BoringSSL's view of in_ and out_

  State Handshake();
  bool ChooseListener(const SSL_CLIENT_HELLO& hello);
  State StateOf(int result);

  bssl::UniquePtr<SSL> ssl_;
  core::ByteQueue& out_;
  core::Bytes in_;
  std::shared_ptr<const TlsContexts> contexts_;  // null once the handshake is done
  snapshot::GroupId group_;
  snapshot::ListenerIndex listener_ = 0;
  uint32_t error_ = 0;  // of BoringSSL's queue
  core::Fault fault_;
  bool done_ = false;
  uint32_t burst_bytes_ = 0;  // written since the connection was last idle, while records are small
  uint64_t last_write_ms_ = 0;
};

}  // namespace sluice::tls
