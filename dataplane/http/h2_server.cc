#include "dataplane/http/h2_server.h"

#include <cstring>
#include <memory>
#include <utility>

#include "absl/log/check.h"
#include "dataplane/http/h2_body.h"
#include "dataplane/http/h2_field_block.h"

namespace sluice::http {
namespace {

using core::FaultCode;
using core::MakeFault;

constexpr uint8_t kDrainPing[8] = {'d', 'r', 'a', 'i', 'n', 0, 0, 0};

bool HasBody(int status) { return status >= 200 && status != 204 && status != 304; }

uint32_t ErrorOf(core::Fault fault) {
  switch (fault.code) {
    case FaultCode::kOverload:
    case FaultCode::kDraining:
      return NGHTTP2_REFUSED_STREAM;
    case FaultCode::kClientGone:
      return NGHTTP2_CANCEL;
    case FaultCode::kProtocolError:
    case FaultCode::kBadRequest:
      return NGHTTP2_PROTOCOL_ERROR;
    default:
      return NGHTTP2_INTERNAL_ERROR;
  }
}

}  // namespace

struct H2ServerCodec::Stream {
  Stream(H2Session& session, const core::Limits& limits, core::BufferPool& buffers)
      : request(limits), body(session, buffers) {}

  StreamId id = 0;
  size_t place = 0;                     // in streams_
  RequestReceiver* receiver = nullptr;  // null once told of its end, or finished
  H2Request request;
  H2Body body;         // of the response
  uint64_t taken = 0;  // at the last sweep that saw the stream
  bool swept = false;
  size_t unconsumed = 0;  // bytes that came while paused, not given back to the windows
  bool head_delivered = false;
  bool request_ended = false;
  bool head_request = false;
  bool paused = false;
  bool head_sent = false;
  bool end_sent = false;  // END_STREAM has left
  bool blocked = false;
};

// ---- libnghttp2 ---------------------------------------------------------------------------------

struct H2ServerCodec::Callbacks {
  static H2ServerCodec& Self(void* user) { return *static_cast<H2ServerCodec*>(user); }

  static int BeginFrame(nghttp2_session*, const nghttp2_frame_hd* header, void* user) {
    Self(user).session_.CountFrame(*header);
    return 0;
  }
  static int BeginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return Self(user).OnBeginHeaders(*frame);
  }
  static int Header(nghttp2_session*, const nghttp2_frame*, nghttp2_rcbuf* name,
                    nghttp2_rcbuf* value, uint8_t, void* user) {
    return Self(user).OnHeader(name, value);
  }
  // Not ignored, as is the default: the backend might read it otherwise.
  static int InvalidHeader(nghttp2_session*, const nghttp2_frame*, nghttp2_rcbuf*, nghttp2_rcbuf*,
                           uint8_t, void*) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  static int Frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return Self(user).OnFrame(*frame);
  }
  static int InvalidFrame(nghttp2_session*, const nghttp2_frame*, int, void* user) {
    Self(user).reading_head_ = false;
    return 0;
  }
  static int DataChunk(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size,
                       void* user) {
    return Self(user).OnDataChunk(static_cast<StreamId>(id), {data, size});
  }
  static int FrameSent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Self(user).OnFrameSent(*frame);
    return 0;
  }
  static int FrameNotSent(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
    Self(user).session_.Unpin(frame->hd.stream_id);
    return 0;
  }
  static int StreamClose(nghttp2_session*, int32_t id, uint32_t error_code, void* user) {
    Self(user).OnStreamClose(static_cast<StreamId>(id), error_code);
    return 0;
  }
  static const nghttp2_session_callbacks* Table() {
    static const nghttp2_session_callbacks* const table = [] {
      nghttp2_session_callbacks* made;
      CHECK_EQ(nghttp2_session_callbacks_new(&made), 0);
      nghttp2_session_callbacks_set_on_begin_frame_callback(made, BeginFrame);
      nghttp2_session_callbacks_set_on_begin_headers_callback(made, BeginHeaders);
      nghttp2_session_callbacks_set_on_header_callback2(made, Header);
      nghttp2_session_callbacks_set_on_invalid_header_callback2(made, InvalidHeader);
      nghttp2_session_callbacks_set_on_frame_recv_callback(made, Frame);
      nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, InvalidFrame);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, DataChunk);
      nghttp2_session_callbacks_set_on_frame_send_callback(made, FrameSent);
      nghttp2_session_callbacks_set_on_frame_not_send_callback(made, FrameNotSent);
      nghttp2_session_callbacks_set_on_stream_close_callback(made, StreamClose);
      nghttp2_session_callbacks_set_send_data_callback(made, H2Body::OnSend);
      return made;
    }();
    return table;
  }
};

H2ServerCodec::H2ServerCodec(Transport& transport, StreamFactory& factory,
                             const core::Limits& limits, bool https, const H2Context& context)
    : transport_(transport),
      factory_(factory),
      limits_(limits),
      context_(context),
      https_(https),
      session_(H2FrameGuard::Peer::kClient, {transport, limits, context.loop}, Callbacks::Table(),
               this),
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
  return static_cast<Stream*>(
      nghttp2_session_get_stream_user_data(session_.get(), static_cast<int32_t>(id)));
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

int H2ServerCodec::OnBeginHeaders(const nghttp2_frame& frame) {
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
  return 0;
}

int H2ServerCodec::OnHeader(nghttp2_rcbuf* name, nghttp2_rcbuf* value) {
  if (reading_ == nullptr || reading_->receiver == nullptr) return 0;
  const H2Request::Verdict verdict =
      reading_->request.Add(TextOf(name), nghttp2_rcbuf_is_static(name) != 0, TextOf(value),
                            nghttp2_rcbuf_is_static(value) != 0);
  if (verdict == H2Request::Verdict::kAbuse) session_.Abuse();
  return 0;
}

int H2ServerCodec::OnFrame(const nghttp2_frame& frame) {
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
  return 0;
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

int H2ServerCodec::OnDataChunk(StreamId id, Bytes data) {
  Stream* stream = Find(id);
  if (stream == nullptr || stream->receiver == nullptr) {
    // Nobody wants it, but the windows must not shrink for good.
    session_.Consume(static_cast<int32_t>(id), data.size());
    return 0;
  }
  stream->receiver->OnRequestData(data);
  Consume(*stream, data.size());
  return 0;
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
    session_.Reset(static_cast<int32_t>(stream->id), ErrorOf(stalled));
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

// ---- writing ------------------------------------------------------------------------------------

void H2ServerCodec::FlushSoon() {
  if (!dead_ || !resets_.empty()) context_.loop.Defer(flush_);
}

void H2ServerCodec::Flush() {
  if (dead_ || session_.inside()) return;
  session_.Flush();
  if (session_.over()) {
    Die(MakeFault(session_.abused() ? FaultCode::kAbuse : FaultCode::kProtocolError));
  }
}

// Only from the loop or from a call upwards' caller: receivers may be told.
void H2ServerCodec::FlushAndTell() {
  upcalls_ok_ = true;
  Flush();
  upcalls_ok_ = false;
  flush_.Unlink();
  TellResets();
  WakeWriters();
}

void H2ServerCodec::OnFlushed() {
  if (!dead_) FlushAndTell();
}

void H2ServerCodec::WakeWriters() {
  if (blocked_ == 0 || dead_) return;
  for (size_t i = 0; i < streams_.size() && session_.may_write(); ++i) {
    Stream& stream = *streams_[i];
    if (!stream.blocked || !stream.body.is_low() || stream.receiver == nullptr) continue;
    stream.blocked = false;
    --blocked_;
    stream.receiver->OnResponseWritable();
  }
}

void H2ServerCodec::OnFrameSent(const nghttp2_frame& frame) {
  session_.CountSent(frame.hd);
  const auto id = static_cast<StreamId>(frame.hd.stream_id);
  if (frame.hd.type == NGHTTP2_RST_STREAM) {
    // A client can make us reset its streams as cheaply as it can reset them itself.
    const bool ours = frame.rst_stream.error_code == NGHTTP2_NO_ERROR ||
                      frame.rst_stream.error_code == NGHTTP2_INTERNAL_ERROR;
    if (!ours) session_.CountReset();
    return;
  }
  if (frame.hd.type == NGHTTP2_GOAWAY && draining_ && !std::exchange(drain_pinged_, true)) {
    nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, kDrainPing);
  }
  if (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA) return;
  if (frame.hd.type == NGHTTP2_HEADERS) session_.Unpin(frame.hd.stream_id);
  if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return;
  Stream* stream = Find(id);
  if (stream == nullptr) return;
  stream->end_sent = true;
  // The rest of the request is of no use (RFC 9113 8.1).
  if (stream->receiver == nullptr && !stream->request_ended) {
    session_.Reset(frame.hd.stream_id, NGHTTP2_NO_ERROR);
  }
}

// ---- the responses ------------------------------------------------------------------------------

void H2ServerCodec::SendInformational(StreamId id, int status, const HeaderList& headers) {
  Stream* stream = Find(id);
  if (stream == nullptr || stream->head_sent) return;
  char text[4];
  FieldBlock block(headers.arena(), headers, NGHTTP2_NV_FLAG_NONE);
  block.Add(":status", Print(static_cast<uint64_t>(status), text));
  block.AddAll(headers);
  nghttp2_submit_headers(session_.get(), NGHTTP2_FLAG_NONE, static_cast<int32_t>(id), nullptr,
                         block.data(), block.size(), nullptr);
  FlushSoon();
}

void H2ServerCodec::SendHead(StreamId id, const ResponseHead& head) {
  Stream* stream = Find(id);
  if (stream == nullptr || stream->head_sent) return;
  stream->head_sent = true;
  const bool ends =
      !HasBody(head.status) || stream->head_request || head.body.kind == BodyLength::Kind::kNone;
  if (ends) stream->body.Close();

  // If the head leaves before we return, its text need not be copied.
  const bool now = session_.may_write();
  FieldBlock block(head.headers.arena(), head.headers,
                   now ? FieldBlock::kNoCopy : NGHTTP2_NV_FLAG_NONE);
  char status[4];
  char length[20];
  block.Add(":status", Print(static_cast<uint64_t>(head.status), status));
  block.AddAll(head.headers);
  if (head.headers.Find(Known::kDate) == nullptr) block.Add("date", context_.date.text());
  if (head.body.kind == BodyLength::Kind::kKnown) {
    block.Add("content-length", Print(head.body.bytes, length));
  } else if (ends && head.declared_length >= 0 && head.status >= 200 && head.status != 204) {
    block.Add("content-length", Print(static_cast<uint64_t>(head.declared_length), length));
  }
  nghttp2_submit_headers(session_.get(), ends ? NGHTTP2_FLAG_END_STREAM : NGHTTP2_FLAG_NONE,
                         static_cast<int32_t>(id), nullptr, block.data(), block.size(), nullptr);
  if (now) {
    session_.Pin(static_cast<int32_t>(id));
    Flush();
  } else {
    FlushSoon();
  }
}

bool H2ServerCodec::SendData(StreamId id, Bytes data) {
  Stream* stream = Find(id);
  if (stream == nullptr || stream->body.ended() || !stream->head_sent || data.empty()) return true;
  if (stream->body.Offer(data)) {
    Flush();
    stream = Find(id);
    if (stream == nullptr) return true;  // closed by what was flushed
    data = stream->body.TakeRest();
  }
  if (!data.empty()) {
    stream->body.Queue(data);
    FlushSoon();
  }
  const bool blocked = stream->body.is_high() || session_.is_full();
  if (blocked && !std::exchange(stream->blocked, true)) ++blocked_;
  return !blocked;
}

void H2ServerCodec::SendEnd(StreamId id, const HeaderList& trailers) {
  Stream* stream = Find(id);
  if (stream == nullptr || stream->body.ended() || !stream->head_sent) return;
  stream->body.End(trailers);
  FlushSoon();
}

void H2ServerCodec::SendReset(StreamId id, core::Fault fault) {
  Stream* stream = Find(id);
  if (stream == nullptr) return;
  stream->body.Close();
  stream->end_sent = true;
  session_.Reset(static_cast<int32_t>(id), ErrorOf(fault));
  FlushSoon();
}

void H2ServerCodec::Finish(StreamId id) {
  std::erase_if(resets_, [&](const Reset& reset) { return reset.id == id; });
  Stream* stream = Find(id);
  if (stream == nullptr) return;
  PauseRequest(id, false);
  stream->receiver = nullptr;
  if (!stream->end_sent && !sweep_.armed()) {
    context_.loop.timers().Arm(sweep_, limits_.stall_ms);
  }
  if (stream->end_sent && !stream->request_ended) {
    session_.Reset(static_cast<int32_t>(id), NGHTTP2_NO_ERROR);
    FlushSoon();
  }
}

void H2ServerCodec::PauseRequest(StreamId id, bool paused) {
  Stream* stream = Find(id);
  if (stream == nullptr || stream->paused == paused) return;
  stream->paused = paused;
  if (paused) return;
  session_.Consume(static_cast<int32_t>(id), std::exchange(stream->unconsumed, 0));
  FlushSoon();
}

}  // namespace sluice::http
