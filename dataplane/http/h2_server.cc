#include "dataplane/http/h2_server.h"

#include <cstring>
#include <utility>

#include "dataplane/http/h2_callbacks.h"
#include "dataplane/http/h2_field_block.h"
#include "dataplane/http/h2_server_stream.h"

namespace sluice::http {

using core::FaultCode;
using core::MakeFault;

H2ServerCodec::H2ServerCodec(Transport& transport, StreamFactory& factory,
                             const core::Limits& limits, bool https, const H2Context& context)
    : transport_(transport),
      factory_(factory),
      limits_(limits),
      context_(context),
      https_(https),
      session_(H2FrameGuard::Peer::kClient, {transport, limits, context.loop},
               H2Callbacks<H2ServerCodec>::Table(), this),
      flush_([](void* self) { static_cast<H2ServerCodec*>(self)->FlushAndTell(); }, this),
      sweep_([](void* self) { static_cast<H2ServerCodec*>(self)->Sweep(); }, this) {
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.h2_streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.h2_stream_window_bytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(limits.header_block_bytes)},
  };
  session_.Start(settings);
  FlushSoon();
}

H2ServerCodec::~H2ServerCodec() {
  for (Stream* stream : streams_) memory_.Delete(stream);
}

H2ServerCodec::Stream* H2ServerCodec::Find(StreamId id) const {
  if (found_ == nullptr || found_->id != id) {
    found_ = static_cast<Stream*>(
        nghttp2_session_get_stream_user_data(session_.get(), static_cast<int32_t>(id)));
  }
  return found_;
}

H2ServerCodec::Stream& H2ServerCodec::NewStream(StreamId id) {
  Stream* stream = memory_.New(session_, limits_, context_.buffers);
  stream->id = id;
  stream->body.Open(static_cast<int32_t>(id));
  stream->place = streams_.size();
  streams_.push_back(stream);
  nghttp2_session_set_stream_user_data(session_.get(), static_cast<int32_t>(id), stream);
  return *stream;
}

void H2ServerCodec::FreeStream(Stream& stream) {
  if (stream.blocked) --blocked_;
  if (reading_ == &stream) reading_ = nullptr;
  if (found_ == &stream) found_ = nullptr;
  streams_[stream.place] = streams_.back();
  streams_[stream.place]->place = stream.place;
  streams_.pop_back();
  memory_.Delete(&stream);
}

// ---- the requests -------------------------------------------------------------------------------

size_t H2ServerCodec::OnBytes(Bytes bytes) {
  if (dead_) return bytes.size();
  upcalls_ok_ = true;
  const FaultCode code = session_.Receive(bytes);
  upcalls_ok_ = false;
  FlushAndTell();
  if (code != FaultCode::kNone && !dead_) {
    Die(MakeFault(code));
    TellResets();
  }
  return bytes.size();
}

void H2ServerCodec::OnBeginHeaders(const nghttp2_frame& frame) {
  const auto id = static_cast<StreamId>(frame.hd.stream_id);
  if (frame.headers.cat == NGHTTP2_HCAT_REQUEST) {
    Stream& stream = NewStream(id);
    reading_ = &stream;
    stream.receiver = &factory_.NewStream(id);
    stream.request.BeginHead(stream.receiver->arena());
  } else if (Stream* stream = Find(id); stream != nullptr && stream->receiver != nullptr) {
    reading_ = stream;
    stream->request.BeginTrailers(stream->receiver->arena());
  } else {
    reading_ = nullptr;
  }
  reading_head_ = true;
}

void H2ServerCodec::OnHeader(nghttp2_rcbuf* name, nghttp2_rcbuf* value) {
  if (reading_ == nullptr || reading_->receiver == nullptr) return;
  const H2Request::Verdict verdict =
      reading_->request.Add(TextOf(name), nghttp2_rcbuf_is_static(name) != 0, TextOf(value),
                            nghttp2_rcbuf_is_static(value) != 0);
  if (verdict == H2Request::Verdict::kAbuse) session_.Abuse();
}

void H2ServerCodec::OnFrame(const nghttp2_frame& frame) {
  const bool end_stream = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
      OnHeadersEnd(frame);
      break;
    case NGHTTP2_DATA:
      if (Stream* stream = Find(static_cast<StreamId>(frame.hd.stream_id));
          end_stream && stream != nullptr) {
        DeliverEnd(*stream);
      }
      break;
    case NGHTTP2_RST_STREAM:
      session_.CountReset();
      break;
    case NGHTTP2_PING:
      // The client has seen the notice: no request can be under way beyond the last one we know.
      if (draining_ && (frame.hd.flags & NGHTTP2_FLAG_ACK) != 0 &&
          std::memcmp(frame.ping.opaque_data, kDrainPing, sizeof kDrainPing) == 0) {
        drained_ = true;
        nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE,
                              nghttp2_session_get_last_proc_stream_id(session_.get()),
                              NGHTTP2_NO_ERROR, nullptr, 0);
      }
      break;
    default:
      break;
  }
}

void H2ServerCodec::OnHeadersEnd(const nghttp2_frame& frame) {
  reading_head_ = false;
  Stream* stream = Find(static_cast<StreamId>(frame.hd.stream_id));
  if (stream == nullptr || stream->receiver == nullptr) return;
  const bool end_stream = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (frame.headers.cat == NGHTTP2_HCAT_REQUEST) return DeliverHead(*stream, end_stream);
  if (stream->request.FinishTrailers()) return DeliverEnd(*stream);
  session_.Reset(frame.hd.stream_id, NGHTTP2_PROTOCOL_ERROR);
  ResetStream(*stream, MakeFault(FaultCode::kBadRequest));
}

void H2ServerCodec::DeliverHead(Stream& stream, bool end_stream) {
  if (end_stream) stream.request_ended = true;
  if (FaultCode code = stream.request.FinishHead(end_stream, https_); code != FaultCode::kNone) {
    return RejectHead(stream, code);
  }
  RequestHead& head = stream.request.head();
  stream.head_request = head.method == "HEAD";
  stream.head_delivered = true;
  if (++requests_ >= limits_.requests_per_connection) Drain();
  stream.receiver->OnRequestHead(head);
  if (end_stream) DeliverEnd(stream);
}

void H2ServerCodec::DeliverEnd(Stream& stream) {
  stream.request_ended = true;
  if (stream.receiver == nullptr) return;
  stream.receiver->OnRequestEnd(stream.request.trailers(stream.receiver->arena()));
}

void H2ServerCodec::OnDataChunk(StreamId id, Bytes data) {
  Stream* stream = Find(id);
  if (stream == nullptr || stream->receiver == nullptr) {
    // Nobody wants it, but the windows must not shrink for good.
    session_.Consume(static_cast<int32_t>(id), data.size());
    return;
  }
  stream->receiver->OnRequestData(data);
  Consume(*stream, data.size());
}

// Both windows: what a paused stream holds counts against the connection, which bounds their sum.
void H2ServerCodec::Consume(Stream& stream, size_t bytes) {
  if (stream.paused) {
    stream.unconsumed += bytes;
  } else {
    session_.Consume(static_cast<int32_t>(stream.id), bytes);
  }
}

void H2ServerCodec::RejectHead(Stream& stream, FaultCode code) {
  ResetStream(stream, MakeFault(code));
  char status[4];
  core::ArenaPool pool(0);
  core::Arena arena(pool);
  const HeaderList none(arena);
  FieldBlock block(arena, none, NGHTTP2_NV_FLAG_NONE);
  block.Add(":status", Print(static_cast<uint64_t>(core::HttpStatus(code)), status));
  block.Add("content-length", "0");
  if (code == FaultCode::kMethodNotAllowed) {
    block.Add("allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  }
  block.Add("date", context_.date.text());
  stream.head_sent = true;
  stream.body.Close();
  nghttp2_submit_headers(session_.get(), NGHTTP2_FLAG_END_STREAM, static_cast<int32_t>(stream.id),
                         nullptr, block.data(), block.size(), nullptr);
}

void H2ServerCodec::OnStreamClose(StreamId id, uint32_t error_code) {
  Stream* stream = Find(id);
  if (stream == nullptr) return;
  if (!stream->end_sent || !stream->request_ended) {
    const bool cancelled = error_code == NGHTTP2_NO_ERROR || error_code == NGHTTP2_CANCEL ||
                           error_code == NGHTTP2_REFUSED_STREAM;
    ResetStream(*stream, MakeFault(cancelled ? FaultCode::kClientGone : FaultCode::kProtocolError));
  }
  if (stream->unconsumed > 0)
    nghttp2_session_consume_connection(session_.get(), stream->unconsumed);
  nghttp2_session_set_stream_user_data(session_.get(), static_cast<int32_t>(id), nullptr);
  FreeStream(*stream);
}

void H2ServerCodec::ResetStream(Stream& stream, core::Fault fault) {
  RequestReceiver* receiver = std::exchange(stream.receiver, nullptr);
  if (receiver == nullptr) return;
  if (!stream.head_delivered) factory_.OnRejected(fault);
  if (upcalls_ok_) {
    receiver->OnRequestReset(fault);
  } else {
    resets_.push_back({stream.id, receiver, fault});
    FlushSoon();
  }
}

void H2ServerCodec::TellResets() {
  while (!resets_.empty()) {
    const Reset reset = resets_.back();
    resets_.pop_back();
    reset.receiver->OnRequestReset(reset.fault);
  }
}

uint64_t H2ServerCodec::Taken(StreamId id) const {
  const Stream* stream = Find(id);
  if (stream == nullptr) return 0;
  return session_.IsHeld(static_cast<int32_t>(id)) ? stream->body.written()
                                                   : transport_.acknowledged();
}

// Streams whose response is whole have nobody else to see that the client does not take it.
void H2ServerCodec::Sweep() {
  const uint64_t enough = uint64_t{limits_.stall_ms} * limits_.stall_bytes_per_s / 1000;
  const core::Fault stalled = MakeFault(FaultCode::kClientStalled);
  bool waiting = false;
  for (Stream* stream : streams_) {
    if (stream->receiver != nullptr || stream->end_sent) continue;
    waiting = true;
    const uint64_t taken = Taken(stream->id);
    const uint64_t moved = taken - std::exchange(stream->taken, taken);
    if (!std::exchange(stream->swept, true) || moved >= enough) continue;
    if (!session_.IsHeld(static_cast<int32_t>(stream->id))) return OnConnectionLost(stalled);
    session_.Reset(static_cast<int32_t>(stream->id), H2ErrorOf(stalled));
  }
  if (!waiting) return;
  context_.loop.timers().Arm(sweep_, limits_.stall_ms);
  FlushSoon();
}

void H2ServerCodec::OnEof() {
  Die(MakeFault(FaultCode::kClientGone));
  TellResets();
}

void H2ServerCodec::OnConnectionLost(core::Fault fault) {
  Die(fault);
  TellResets();
}

void H2ServerCodec::Die(core::Fault fault) {
  dead_ = true;
  flush_.Unlink();
  sweep_.Cancel();
  for (Stream* stream : streams_) ResetStream(*stream, fault);
}

void H2ServerCodec::Drain() {
  if (std::exchange(draining_, true) || dead_) return;
  nghttp2_submit_shutdown_notice(session_.get());
  FlushSoon();
}

}  // namespace sluice::http
