// The server side of one TLS connection, over memory: it never sees the socket. Ciphertext is fed
// in as borrowed bytes and comes out in the connection's output queue, so that one recv and one
// send serve all records of a turn. One thread.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "dataplane/core/byte_queue.h"
#include "dataplane/core/bytes.h"
#include "dataplane/core/fault.h"
#include "dataplane/tls/contexts.h"

namespace sluice::tls {

class Session {
 public:
  // REQUIRES: `out` outlives the session; `port` lives at least until the handshake is done.
  Session(const PortContexts& port, core::ByteQueue& out);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  enum class State : uint8_t {
    kOk,      // `bytes` were written to the span; there may be more
    kWant,    // nothing more until the next Feed
    kClosed,  // close_notify
    kFault,   // broken; an alert is in the output queue
  };
  struct ReadResult {
    State state;
    size_t bytes = 0;
  };

  // Borrows `ciphertext` until Read says kWant (or the session is broken), by which time all of it
  // is taken in.
  void Feed(core::Bytes ciphertext);
  // Does the handshake as far as it goes, then decrypts.
  ReadResult Read(std::span<uint8_t> plaintext);
  // Seals all of it into the output queue: records of up to 16 kB.
  void Write(core::Bytes plaintext);
  // Queues close_notify.
  void Shutdown();

  bool handshake_done() const;
  bool resumed() const;
  bool http2() const;                    // ALPN; valid once the handshake is done
  std::string_view listener_id() const;  // chosen by SNI; valid once the handshake is done
};

}  // namespace sluice::tls
