// HTTP/2 towards a backend (RFC 9113) on libnghttp2, in the clear by prior knowledge: many
// exchanges at a time on one connection, as many as the backend takes.
// The backend is distrusted. What breaks the protocol within a stream ends that stream; what breaks
// the connection, or costs us more than it should (H2Session), ends all of them as
// kUpstreamProtocol. Exchanges that the backend cannot have begun (REFUSED_STREAM, beyond the last
// stream of a GOAWAY, never sent) fail with a fault that may always be retried.
// A paused response holds its stream's window only, never the connection's: one slow client does
// not stop the others. What a backend may make us hold is therefore a window a stream.
// One thread. REQUIRES: not destroyed from within a call upwards.
#pragma once

#include <nghttp2/nghttp2.h>

#include <vector>

#include "dataplane/core/buffer_pool.h"
#include "dataplane/core/event_loop.h"
#include "dataplane/core/limits.h"
#include "dataplane/http/codec.h"
#include "dataplane/http/h2_session.h"
#include "dataplane/http/spare_memory.h"

namespace sluice::http {

// What the codecs of a worker share.
struct H2ClientContext {
  core::EventLoop& loop;
  core::BufferPool& buffers;
};

class H2ClientCodec final : public ClientCodec {
 public:
  // `known_capacity`: what the backend took at last; 0: not known. Then the first request leaves
  // at once, and others that are opened wait for the backend's SETTINGS.
  // REQUIRES: all of them outlive the codec.
  H2ClientCodec(Transport& transport, const core::Limits& limits, const H2ClientContext& context,
                uint32_t known_capacity);
  H2ClientCodec(const H2ClientCodec&) = delete;
  H2ClientCodec& operator=(const H2ClientCodec&) = delete;
  ~H2ClientCodec() override;

  StreamId Open(ResponseReceiver& receiver) override;
  bool can_open() const override { return reusable() && slots_.size() - free_.size() < capacity_; }
  uint32_t capacity() const override { return capacity_; }

  void SendHead(StreamId id, const RequestHead& head) override;
  bool SendData(StreamId id, Bytes data) override;
  void SendEnd(StreamId id, const HeaderList& trailers) override;
  void Cancel(StreamId id) override;
  void PauseResponse(StreamId id, bool paused) override;

  core::Fault OnBytes(Bytes bytes) override;
  void OnEof() override;
  void OnFlushed() override;
  void OnConnectionLost(core::Fault fault) override;

  bool idle() const override { return open_ == 0; }
  bool reusable() const override {
    return !dead_ && nghttp2_session_check_request_allowed(session_.get()) != 0;
  }

 private:
  struct Stream;
  template <typename Codec>
  friend struct H2Callbacks;

  Stream* Find(StreamId id) const;
  Stream* FindByWireId(int32_t id) const;
  void FreeStream(Stream& stream);

  void OnBeginHeaders(const nghttp2_frame& frame);
  void OnHeader(nghttp2_rcbuf* name, nghttp2_rcbuf* value);
  void OnFrame(const nghttp2_frame& frame);
  void OnHeadersEnd(const nghttp2_frame& frame);
  void OnDataChunk(int32_t id, Bytes data);
  void OnInvalidFrame() {}
  void OnSettings();
  void OnFrameSent(const nghttp2_frame& frame);
  void OnFrameNotSent(const nghttp2_frame& frame, int error);
  void OnStreamClose(int32_t id, uint32_t error_code);

  void DeliverHead(Stream& stream, bool end_stream);
  void DeliverEnd(Stream& stream);
  void Refuse(Stream& stream);
  void ResetStream(Stream& stream, core::Fault fault);
  ResponseReceiver* Detach(Stream& stream);

  bool has_room() const;
  void ReturnUnsent();
  void Flush();
  void FlushSoon();
  void FlushAndTell();
  void TellResets();
  void WakeWriters();
  void Sweep();
  void Die(core::Fault fault);

  Transport& transport_;
  const core::Limits& limits_;
  const H2ClientContext context_;

  H2Session session_;
  core::Deferred flush_;
  core::Timer sweep_;  // armed while streams may wait for the backend
  // An exchange's id is its slot and, above that, a number that is its own.
  static constexpr uint32_t kSlots = 128;
  SpareMemory<Stream> memory_;
  std::vector<Stream*> slots_;  // owned; null: free
  std::vector<uint32_t> free_;  // slots
  Stream* reading_ = nullptr;   // whose fields are being read
  struct Reset {
    StreamId id;
    ResponseReceiver* receiver;
    core::Fault fault;
  };
  std::vector<Reset> resets_;  // to be told when calls upwards are allowed again
  uint32_t serial_ = 0;
  uint32_t resets_seen_ = 0;   // by the backend
  uint32_t capacity_;          // streams at a time
  uint32_t on_wire_ = 0;       // streams whose head has left
  uint32_t waiting_ = 0;       // streams whose head has not left
  uint32_t open_ = 0;          // exchanges whose receiver still listens
  uint32_t blocked_ = 0;       // streams whose SendData returned false
  bool upcalls_ok_ = false;    // within a call that may call upwards
  bool room_changed_ = false;  // by SETTINGS or GOAWAY: streams that wait may have to go
  bool dead_ = false;
  core::Fault fault_;  // that it died of
};

}  // namespace sluice::http
