// The two seams of the request path. A ServerCodec speaks HTTP/1 or HTTP/2 with the client, a
// ClientCodec with a backend; what stands between (stream/) knows no version. Each seam has two
// directions: codec calls downwards, receiver calls upwards. One thread; nothing here blocks.
//
// Calls upwards happen inside OnBytes, OnEof or Flushed only, never inside a call downwards,
// so a receiver may call its codec from within any of them.
//
// An upgrade (HTTP/1.1, head.upgrade not empty; it has no body): OnRequestEnd does not follow the
// head, and the codec holds the client's further bytes back until the response. 101 makes the
// exchange a tunnel: from then on the data calls carry opaque bytes both ways, and the end calls a
// half-close. With any other answer the request is over, and the connection closes after the
// response.
//
// Ownership: a connection owns its codec and outlives it. A codec never owns a stream; it names it
// by a StreamId, which is dead after the stream's last call upwards (OnRequestReset) or after the
// stream has called Finish.
#pragma once

#include <cstdint>
#include <string_view>

#include "dataplane/core/bytes.h"
#include "dataplane/core/fault.h"
#include "dataplane/http/message.h"

namespace sluice::http {

using core::Bytes;
using StreamId = uint32_t;  // HTTP/1: 1, 2, 3 ... a connection; HTTP/2: the protocol's

// Where a codec's output goes: the connection, which encrypts it if need be, gathers all output of
// a turn and sends it once at the turn's end.
class Transport {
 public:
  // Takes all of it. Bytes need to live only for the call.
  virtual void Write(Bytes bytes) = 0;
  // Nothing more is written: half-closes the connection once all before is sent. A tunnel's end.
  virtual void EndWriting() = 0;
  // Bytes written that the socket has not taken yet.
  virtual size_t unsent() const = 0;
  // Bytes that the peer has acknowledged so far. A system call: for deadlines only.
  virtual uint64_t acknowledged() const { return 0; }
  // HTTP/1: stop (or go on) reading from the socket. HTTP/2 bounds by windows instead.
  virtual void PauseReading(bool paused) = 0;

 protected:
  ~Transport() = default;
};

// ---- client side -------------------------------------------------------------------------------

// What a request does as it comes in; the stream.
class RequestReceiver {
 public:
  // `head` lives in arena() for as long as the stream does.
  virtual void OnRequestHead(RequestHead& head) = 0;
  virtual void OnRequestData(Bytes data) = 0;
  // The end of the request, with its trailers (often empty). For a request without a body it
  // follows OnRequestHead at once.
  virtual void OnRequestEnd(HeaderList& trailers) = 0;
  // The client reset the stream, broke the protocol or is gone. The id is dead: no further call
  // in either direction.
  virtual void OnRequestReset(core::Fault fault) = 0;
  // SendData may be used again after it returned false.
  virtual void OnResponseWritable() = 0;

  virtual core::Arena& arena() = 0;

 protected:
  ~RequestReceiver() = default;
};

// Makes a stream for each request; the connection.
class StreamFactory {
 public:
  // With the first byte of a head (HTTP/1) or with the whole of it. A head that is not accepted
  // ends in OnRequestReset without OnRequestHead, and in OnRejected.
  virtual RequestReceiver& NewStream(StreamId id) = 0;
  // A request that was answered by the codec itself (400, 414, 431 ...), for log and counters.
  virtual void OnRejected(core::Fault fault) = 0;

 protected:
  ~StreamFactory() = default;
};

class ServerCodec {
 public:
  virtual ~ServerCodec() = default;

  // Returns how many bytes it took. HTTP/1 stops after a request until that request is finished,
  // so that the connection keeps the rest and offers it again after `wants_bytes()`.
  virtual size_t OnBytes(Bytes bytes) = 0;
  virtual bool wants_bytes() const = 0;
  // The client sent FIN (or close_notify).
  virtual void OnEof() = 0;
  // The transport's unsent bytes fell below the low mark: wake streams that wait to write.
  virtual void OnFlushed() = 0;
  // The connection is lost: every open stream gets OnRequestReset.
  virtual void OnConnectionLost(core::Fault fault) = 0;

  // 100, 102, 103 ... before the final head. Not 101.
  virtual void SendInformational(StreamId id, int status, const HeaderList& headers) = 0;
  // `request_method` decides whether a body may follow (RFC 9110 9.3.2). If head.body is kNone the
  // response still ends with SendEnd. 101 turns the connection into a tunnel.
  virtual void SendHead(StreamId id, const ResponseHead& head) = 0;
  // False: enough for now; wait for OnResponseWritable (the bytes were taken all the same).
  virtual bool SendData(StreamId id, Bytes data) = 0;
  virtual void SendEnd(StreamId id, const HeaderList& trailers) = 0;
  // Ends a stream whose response cannot be completed: RST_STREAM, or close of the connection.
  virtual void SendReset(StreamId id, core::Fault fault) = 0;
  // The stream is over on our side and will be freed: after SendEnd or SendReset. HTTP/1 goes on
  // with the next request once the request's body has ended too, or closes.
  virtual void Finish(StreamId id) = 0;
  // Stop (or go on with) OnRequestData: a pause bit (HTTP/1) or withheld window updates (HTTP/2).
  virtual void PauseRequest(StreamId id, bool paused) = 0;

  // What the client has taken so far, for the deadline of a response that waits for it: grows only
  // as what holds this stream back gives way (the connection, or in HTTP/2 a window).
  virtual uint64_t Taken(StreamId id) const = 0;

  // No new requests: Connection: close on the next response, or GOAWAY.
  virtual void Drain() = 0;
  // Nothing is open: the connection may be closed without loss.
  virtual bool idle() const = 0;
  // A request head has begun and is not complete: the header deadline runs.
  virtual bool reading_head() const = 0;
  // The codec is done with the connection: send what is unsent, then close.
  virtual bool wants_close() const = 0;
  // And what was sent is cut short where only the connection's end tells: it must not end cleanly.
  virtual bool is_cut() const { return false; }
};

// ---- backend side ------------------------------------------------------------------------------

// What a response does as it comes in; the stream.
class ResponseReceiver {
 public:
  virtual void OnInformational(int status, HeaderList& headers) = 0;  // 1xx but 101
  virtual void OnResponseHead(ResponseHead& head) = 0;
  virtual void OnResponseData(Bytes data) = 0;
  virtual void OnResponseEnd(HeaderList& trailers) = 0;
  // The exchange failed; its id is dead.
  virtual void OnResponseReset(core::Fault fault) = 0;
  // SendData may be used again after it returned false.
  virtual void OnRequestWritable() = 0;

  virtual core::Arena& response_arena() = 0;

 protected:
  ~ResponseReceiver() = default;
};

class ClientCodec {
 public:
  virtual ~ClientCodec() = default;

  // Opens an exchange. REQUIRES: can_open().
  virtual StreamId Open(ResponseReceiver& receiver) = 0;
  virtual bool can_open() const = 0;
  // How many exchanges it can have open at a time; more than one: they share the connection.
  virtual uint32_t capacity() const { return 1; }

  // Always re-serialised from the parsed fields with our own framing, never copied through.
  virtual void SendHead(StreamId id, const RequestHead& head) = 0;
  virtual bool SendData(StreamId id, Bytes data) = 0;
  virtual void SendEnd(StreamId id, const HeaderList& trailers) = 0;
  // The stream gives up: RST_STREAM, or the connection cannot be used again.
  virtual void Cancel(StreamId id) = 0;
  virtual void PauseResponse(StreamId id, bool paused) = 0;

  // Takes everything. A Fault: the connection is broken and was told to its receivers.
  virtual core::Fault OnBytes(Bytes bytes) = 0;
  virtual void OnEof() = 0;
  virtual void OnFlushed() = 0;
  virtual void OnConnectionLost(core::Fault fault) = 0;

  virtual bool idle() const = 0;      // no exchange is open
  virtual bool reusable() const = 0;  // after the open exchanges another may follow
};

}  // namespace sluice::http
