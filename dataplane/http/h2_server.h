// HTTP/2 towards the client (RFC 9113) on libnghttp2: up to limits.h2_streams requests at a time.
// Its output leaves through the transport as soon as the session may write; within OnBytes, at the
// end of that. Response bytes go straight from the stream's span to the transport while the
// windows allow, and wait in the stream's queue, within a bound, when they do not.
// What costs us more than the client is bounded by buckets (resets, empty and control frames) and
// ends in GOAWAY(ENHANCE_YOUR_CALM).
// One thread. REQUIRES: not destroyed from within a call upwards.
#pragma once

#include <nghttp2/nghttp2.h>

#include <vector>

#include "dataplane/core/buffer_pool.h"
#include "dataplane/core/byte_queue.h"
#include "dataplane/core/event_loop.h"
#include "dataplane/core/limits.h"
#include "dataplane/http/codec.h"
#include "dataplane/http/date_cache.h"
#include "dataplane/http/h2_request.h"
#include "dataplane/http/h2_session.h"
#include "dataplane/http/spare_memory.h"

namespace sluice::http {

// What the codecs of a worker share.
struct H2Context {
  core::EventLoop& loop;
  core::BufferPool& buffers;
  DateCache& date;
};

class H2ServerCodec final : public ServerCodec {
 public:
  // REQUIRES: all of them outlive the codec. `https`: the connection came over TLS.
  H2ServerCodec(Transport& transport, StreamFactory& factory, const core::Limits& limits,
                bool https, const H2Context& context);
  H2ServerCodec(const H2ServerCodec&) = delete;
  H2ServerCodec& operator=(const H2ServerCodec&) = delete;
  ~H2ServerCodec() override;

  size_t OnBytes(Bytes bytes) override;
  bool wants_bytes() const override { return !dead_; }
  void OnEof() override;
  void OnFlushed() override;
  void OnConnectionLost(core::Fault fault) override;

  void SendInformational(StreamId id, int status, const HeaderList& headers) override;
  void SendHead(StreamId id, const ResponseHead& head) override;
  bool SendData(StreamId id, Bytes data) override;
  void SendEnd(StreamId id, const HeaderList& trailers) override;
  void SendReset(StreamId id, core::Fault fault) override;
  void Finish(StreamId id) override;
  void PauseRequest(StreamId id, bool paused) override;

  uint64_t Taken(StreamId id) const override;
  // GOAWAY in two steps, so that requests under way are served (RFC 9113 6.8).
  void Drain() override;
  // After the notice of a GOAWAY, requests may be under way until the client has answered it.
  bool idle() const override { return streams_.empty() && draining_ == drained_; }
  bool reading_head() const override { return reading_head_; }
  bool wants_close() const override { return dead_; }

 private:
  struct Stream;
  template <typename Codec>
  friend struct H2Callbacks;

  Stream* Find(StreamId id) const;
  Stream& NewStream(StreamId id);
  void FreeStream(Stream& stream);

  void OnBeginHeaders(const nghttp2_frame& frame);
  void OnHeader(nghttp2_rcbuf* name, nghttp2_rcbuf* value);
  void OnFrame(const nghttp2_frame& frame);
  void OnHeadersEnd(const nghttp2_frame& frame);
  void OnDataChunk(StreamId id, Bytes data);
  void OnInvalidFrame() { reading_head_ = false; }
  void OnFrameSent(const nghttp2_frame& frame);
  void OnFrameNotSent(const nghttp2_frame&, int) {}
  void OnStreamClose(StreamId id, uint32_t error_code);

  void DeliverHead(Stream& stream, bool end_stream);
  void DeliverEnd(Stream& stream);
  void RejectHead(Stream& stream, core::FaultCode code);
  void ResetStream(Stream& stream, core::Fault fault);
  void Consume(Stream& stream, size_t bytes);

  void Flush();
  void FlushSoon();
  void FlushAndTell();
  void TellResets();
  void WakeWriters();
  void Sweep();
  void Die(core::Fault fault);

  Transport& transport_;
  StreamFactory& factory_;
  const core::Limits& limits_;
  const H2Context context_;
  const bool https_;

  H2Session session_;
  core::Deferred flush_;
  core::Timer sweep_;                // armed while finished streams may wait for the client
  Stream* reading_ = nullptr;        // whose fields are being read
  mutable Stream* found_ = nullptr;  // last: calls for a stream come in groups
  SpareMemory<Stream> memory_;
  std::vector<Stream*> streams_;  // owned; each knows its place
  struct Reset {
    StreamId id;
    RequestReceiver* receiver;
    core::Fault fault;
  };
  std::vector<Reset> resets_;  // to be told when calls upwards are allowed again
  uint32_t requests_ = 0;
  size_t blocked_ = 0;       // streams whose SendData returned false
  bool upcalls_ok_ = false;  // within a call that may call upwards
  bool reading_head_ = false;
  bool draining_ = false;
  bool drain_pinged_ = false;
  bool drained_ = false;  // the last GOAWAY is said
  bool dead_ = false;
};

}  // namespace sluice::http
