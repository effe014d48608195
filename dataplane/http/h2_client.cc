#include "dataplane/http/h2_client.h"

#include <algorithm>
#include <utility>

#include "absl/log/check.h"
#include "dataplane/http/h2_body.h"
#include "dataplane/http/h2_field_block.h"
#include "dataplane/http/h2_response.h"

namespace sluice::http {
namespace {

using core::FaultCode;
using core::MakeFault;
using core::Retry;

// The field tells a server that no body is to be waited for (RFC 9110 8.6).
bool ExpectsBody(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

}  // namespace

struct H2ClientCodec::Stream {
  Stream(H2Session& session, const core::Limits& limits, core::BufferPool& buffers)
      : response(limits), body(session, buffers) {}

  StreamId id = 0;
  int32_t wire_id = 0;                   // 0: its head was not given to libnghttp2 yet
  ResponseReceiver* receiver = nullptr;  // null once told of its end, or cancelled
  H2Response response;
  H2Body body;            // of the request
  size_t unconsumed = 0;  // bytes that came while paused, not given back to the stream's window
  uint64_t written = 0;   // of the body, at the last sweep
  bool head_request = false;
  bool head_left = false;       // the request's, to the transport
  bool end_sent = false;        // END_STREAM has left
  bool answered = false;        // a frame of the response has come
  bool head_delivered = false;  // the final one of the response
  bool reset_by_peer = false;
  bool unsendable = false;  // libnghttp2 cannot say its head
  bool paused = false;
  bool blocked = false;
  bool swept = false;
};

// ---- libnghttp2 ---------------------------------------------------------------------------------

struct H2ClientCodec::Callbacks {
  static H2ClientCodec& Self(void* user) { return *static_cast<H2ClientCodec*>(user); }

  static int BeginFrame(nghttp2_session*, const nghttp2_frame_hd* header, void* user) {
    Self(user).session_.CountFrame(*header);
    return 0;
  }
  static int BeginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Self(user).OnBeginHeaders(*frame);
    return 0;
  }
  static int Header(nghttp2_session*, const nghttp2_frame*, nghttp2_rcbuf* name,
                    nghttp2_rcbuf* value, uint8_t, void* user) {
    Self(user).OnHeader(name, value);
    return 0;
  }
  // Not ignored, as is the default: a client might read it otherwise.
  static int InvalidHeader(nghttp2_session*, const nghttp2_frame*, nghttp2_rcbuf*, nghttp2_rcbuf*,
                           uint8_t, void*) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  static int Frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Self(user).OnFrame(*frame);
    return 0;
  }
  static int DataChunk(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size,
                       void* user) {
    Self(user).OnDataChunk(id, {data, size});
    return 0;
  }
  static int FrameSent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Self(user).OnFrameSent(*frame);
    return 0;
  }
  static int FrameNotSent(nghttp2_session*, const nghttp2_frame* frame, int error, void* user) {
    Self(user).OnFrameNotSent(*frame, error);
    return 0;
  }
  static int StreamClose(nghttp2_session*, int32_t id, uint32_t error_code, void* user) {
    Self(user).OnStreamClose(id, error_code);
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

H2ClientCodec::H2ClientCodec(Transport& transport, const core::Limits& limits,
                             const H2ClientContext& context, uint32_t known_capacity)
    : transport_(transport),
      limits_(limits),
      context_(context),
      session_(H2FrameGuard::Peer::kBackend, {transport, limits, context.loop}, Callbacks::Table(),
               this, std::max(1u, known_capacity)),
      flush_([](void* self) { static_cast<H2ClientCodec*>(self)->FlushAndTell(); }, this),
      sweep_([](void* self) { static_cast<H2ClientCodec*>(self)->Sweep(); }, this),
      capacity_(std::min(
          {kSlots, limits.h2_streams, known_capacity == 0 ? limits.h2_streams : known_capacity})) {
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.h2_stream_window_bytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(limits.header_block_bytes)},
  };
  session_.Start(settings);
  FlushSoon();
}

H2ClientCodec::~H2ClientCodec() {
  for (Stream* stream : slots_) {
    if (stream != nullptr) memory_.Delete(stream);
  }
}

// ---- the exchanges ------------------------------------------------------------------------------

H2ClientCodec::Stream* H2ClientCodec::Find(StreamId id) const {
  const uint32_t slot = id % kSlots;
  if (slot >= slots_.size() || slots_[slot] == nullptr || slots_[slot]->id != id) return nullptr;
  return slots_[slot];
}

H2ClientCodec::Stream* H2ClientCodec::FindByWireId(int32_t id) const {
  return static_cast<Stream*>(nghttp2_session_get_stream_user_data(session_.get(), id));
}

StreamId H2ClientCodec::Open(ResponseReceiver& receiver) {
  uint32_t slot = static_cast<uint32_t>(slots_.size());
  Stream* stream = memory_.New(session_, limits_, context_.buffers);
  if (free_.empty()) {
    slots_.push_back(nullptr);
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  stream->id = ++serial_ * kSlots + slot;
  stream->receiver = &receiver;
  ++open_;
  slots_[slot] = stream;
  return stream->id;
}

void H2ClientCodec::FreeStream(Stream& stream) {
  if (stream.blocked) --blocked_;
  if (stream.head_left) --on_wire_;
  if (reading_ == &stream) reading_ = nullptr;
  const uint32_t slot = stream.id % kSlots;
  memory_.Delete(std::exchange(slots_[slot], nullptr));
  free_.push_back(slot);
}

// The one who is told next of the exchange, who is told nothing more after that.
ResponseReceiver* H2ClientCodec::Detach(Stream& stream) {
  ResponseReceiver* receiver = std::exchange(stream.receiver, nullptr);
  if (receiver != nullptr) --open_;
  return receiver;
}

// ---- the requests -------------------------------------------------------------------------------

// An upgrade is HTTP/1.1's: the request goes without, and is answered as such (RFC 9110 7.8).
void H2ClientCodec::SendHead(StreamId id, const RequestHead& head) {
  Stream* stream = Find(id);
  if (stream == nullptr || stream->wire_id != 0 || dead_) return;
  stream->head_request = head.method == "HEAD";
  const bool ends = head.body.kind == BodyLength::Kind::kNone;
  // If the head leaves before we return, its text need not be copied.
  const bool now = session_.may_write() && has_room();
  FieldBlock block(head.headers.arena(), head.headers,
                   now ? FieldBlock::kNoCopy : NGHTTP2_NV_FLAG_NONE);
  char length[20];
  block.Add(":method", head.method);
  block.Add(":scheme", "http");
  if (!head.authority.empty()) block.Add(":authority", head.authority);
  block.Add(":path", head.target);
  block.AddAll(head.headers);
  if (head.body.kind == BodyLength::Kind::kKnown || (ends && ExpectsBody(head.method))) {
    block.Add("content-length", Print(head.body.bytes, length));
  }
  if (head.expect_continue) block.Add("expect", "100-continue");
  if (head.te_trailers) block.Add("te", "trailers");
  const int32_t wire_id =
      nghttp2_submit_headers(session_.get(), ends ? NGHTTP2_FLAG_END_STREAM : NGHTTP2_FLAG_NONE, -1,
                             nullptr, block.data(), block.size(), stream);
  if (wire_id < 0) return ResetStream(*stream, MakeFault(FaultCode::kUpstreamReset, Retry::kYes));
  stream->wire_id = wire_id;
  if (ends) stream->body.Close();
  if (now) {
    session_.Pin(wire_id);
    Flush();
  } else {
    FlushSoon();
  }
}

bool H2ClientCodec::SendData(StreamId id, Bytes data) {
  Stream* stream = Find(id);
  if (stream == nullptr || stream->body.ended() || data.empty() || dead_) return true;
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
  if (stream->body.queued() && !sweep_.armed()) {
    context_.loop.timers().Arm(sweep_, limits_.stall_ms);
  }
  return !blocked;
}

void H2ClientCodec::SendEnd(StreamId id, const HeaderList& trailers) {
  Stream* stream = Find(id);
  if (stream == nullptr || stream->body.ended()) return;
  stream->body.End(trailers);
  FlushSoon();
}

void H2ClientCodec::Cancel(StreamId id) {
  std::erase_if(resets_, [&](const Reset& reset) { return reset.id == id; });
  Stream* stream = Find(id);
  if (stream == nullptr || Detach(*stream) == nullptr) return;
  stream->body.Close();
  if (stream->wire_id == 0) return FreeStream(*stream);
  session_.Reset(stream->wire_id, NGHTTP2_CANCEL);
  FlushSoon();
}

void H2ClientCodec::PauseResponse(StreamId id, bool paused) {
  Stream* stream = Find(id);
  if (stream == nullptr || stream->paused == paused) return;
  stream->paused = paused;
  if (paused) return;
  nghttp2_session_consume_stream(session_.get(), stream->wire_id,
                                 std::exchange(stream->unconsumed, 0));
  FlushSoon();
}

// ---- the responses ------------------------------------------------------------------------------

core::Fault H2ClientCodec::OnBytes(Bytes bytes) {
  if (dead_) return fault_;
  upcalls_ok_ = true;
  const FaultCode code = session_.Receive(bytes);
  upcalls_ok_ = false;
  FlushAndTell();
  if (code != FaultCode::kNone && !dead_) {
    Die(MakeFault(FaultCode::kUpstreamProtocol));
    TellResets();
  }
  if (std::exchange(room_changed_, false) && !dead_) ReturnUnsent();
  return fault_;
}

void H2ClientCodec::OnBeginHeaders(const nghttp2_frame& frame) {
  Stream* stream = FindByWireId(frame.hd.stream_id);
  reading_ = stream != nullptr && stream->receiver != nullptr ? stream : nullptr;
  if (reading_ == nullptr) return;
  stream->answered = true;
  core::Arena& arena = stream->receiver->response_arena();
  if (stream->head_delivered) {
    stream->response.BeginTrailers(arena);
  } else {
    stream->response.BeginHead(arena);
  }
}

void H2ClientCodec::OnHeader(nghttp2_rcbuf* name, nghttp2_rcbuf* value) {
  if (reading_ == nullptr || reading_->receiver == nullptr) return;
  const H2Response::Verdict verdict =
      reading_->response.Add(TextOf(name), nghttp2_rcbuf_is_static(name) != 0, TextOf(value),
                             nghttp2_rcbuf_is_static(value) != 0);
  if (verdict == H2Response::Verdict::kAbuse) session_.Abuse();
}

void H2ClientCodec::OnFrame(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
      return OnHeadersEnd(frame);
    case NGHTTP2_DATA:
      if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return;
      if (Stream* stream = FindByWireId(frame.hd.stream_id)) DeliverEnd(*stream);
      return;
    case NGHTTP2_RST_STREAM:
      // Each stream may be reset once, whether we know it still or not.
      if (++resets_seen_ > serial_) session_.Abuse();
      if (Stream* stream = FindByWireId(frame.hd.stream_id)) stream->reset_by_peer = true;
      return;
    case NGHTTP2_SETTINGS:
      if ((frame.hd.flags & NGHTTP2_FLAG_ACK) == 0) OnSettings();
      return;
    case NGHTTP2_GOAWAY:
      room_changed_ = true;
      return;
    default:
      return;
  }
}

void H2ClientCodec::OnSettings() {
  const uint32_t streams =
      nghttp2_session_get_remote_settings(session_.get(), NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  capacity_ = std::min({kSlots, limits_.h2_streams, streams});
  room_changed_ = true;
}

void H2ClientCodec::OnHeadersEnd(const nghttp2_frame& frame) {
  Stream* stream = FindByWireId(frame.hd.stream_id);
  if (stream == nullptr || stream->receiver == nullptr) return;
  const bool end_stream = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (!stream->head_delivered) {
    DeliverHead(*stream, end_stream);
  } else if (!stream->response.FinishTrailers()) {
    Refuse(*stream);
  }
  if (end_stream) DeliverEnd(*stream);
}

void H2ClientCodec::DeliverHead(Stream& stream, bool end_stream) {
  if (!stream.response.FinishHead(end_stream, stream.head_request)) return Refuse(stream);
  ResponseHead& head = stream.response.head();
  if (!stream.response.is_final()) {
    return stream.receiver->OnInformational(head.status, head.headers);
  }
  stream.head_delivered = true;
  stream.receiver->OnResponseHead(head);
}

// The backend has said all; what it has not taken of the request by now, it does not want.
void H2ClientCodec::DeliverEnd(Stream& stream) {
  if (stream.receiver == nullptr) return;
  HeaderList& trailers = stream.response.trailers(stream.receiver->response_arena());
  const bool whole = stream.body.ended() && !stream.body.queued();
  if (!whole) {
    stream.body.Close();
    session_.Reset(stream.wire_id, NGHTTP2_CANCEL);
  }
  Detach(stream)->OnResponseEnd(trailers);
}

void H2ClientCodec::OnDataChunk(int32_t id, Bytes data) {
  nghttp2_session_consume_connection(session_.get(), data.size());
  Stream* stream = FindByWireId(id);
  if (stream == nullptr || stream->receiver == nullptr) return;
  stream->receiver->OnResponseData(data);
  if (stream->paused) {
    stream->unconsumed += data.size();
  } else {
    nghttp2_session_consume_stream(session_.get(), id, data.size());
  }
}

// The response breaks the protocol, or our limits.
void H2ClientCodec::Refuse(Stream& stream) {
  stream.body.Close();
  session_.Reset(stream.wire_id, NGHTTP2_PROTOCOL_ERROR);
  ResetStream(stream, MakeFault(FaultCode::kUpstreamProtocol));
}

void H2ClientCodec::OnStreamClose(int32_t id, uint32_t error_code) {
  Stream* stream = FindByWireId(id);
  if (stream == nullptr) return;
  if (stream->unsendable) {
    ResetStream(*stream, MakeFault(FaultCode::kInternal));
  } else if (error_code == NGHTTP2_REFUSED_STREAM) {
    ResetStream(*stream, MakeFault(FaultCode::kUpstreamReset, Retry::kYes));
  } else {
    ResetStream(*stream, MakeFault(stream->reset_by_peer ? FaultCode::kUpstreamReset
                                                         : FaultCode::kUpstreamProtocol));
  }
  nghttp2_session_set_stream_user_data(session_.get(), id, nullptr);
  FreeStream(*stream);
}

// Told at once where calls upwards are allowed, else soon.
void H2ClientCodec::ResetStream(Stream& stream, core::Fault fault) {
  ResponseReceiver* receiver = Detach(stream);
  if (receiver == nullptr) return;
  if (!stream.head_left && fault.code != FaultCode::kInternal) fault.retry = Retry::kYes;
  if (upcalls_ok_) {
    receiver->OnResponseReset(fault);
  } else {
    resets_.push_back({stream.id, receiver, fault});
    FlushSoon();
  }
}

void H2ClientCodec::TellResets() {
  while (!resets_.empty()) {
    const Reset reset = resets_.back();
    resets_.pop_back();
    reset.receiver->OnResponseReset(reset.fault);
  }
}

void H2ClientCodec::OnEof() { OnConnectionLost(MakeFault(FaultCode::kUpstreamReset)); }

void H2ClientCodec::OnConnectionLost(core::Fault fault) {
  Die(fault);
  TellResets();
}

// Of an exchange that is answered in part the rest is missing. If nothing of an answer has come,
// the backend may have closed while the request was under way, and may not have seen it.
void H2ClientCodec::Die(core::Fault fault) {
  if (std::exchange(dead_, true)) return;
  fault_ = fault;
  flush_.Unlink();
  sweep_.Cancel();
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i] == nullptr) continue;
    core::Fault told = fault;
    if (slots_[i]->answered && fault.code == FaultCode::kUpstreamReset) {
      told = MakeFault(FaultCode::kUpstreamTruncated);
    } else if (!slots_[i]->answered && fault.retry == Retry::kNo) {
      told.retry = Retry::kIfReused;
    }
    ResetStream(*slots_[i], told);
  }
}

// ---- writing ------------------------------------------------------------------------------------

bool H2ClientCodec::has_room() const {
  return on_wire_ < nghttp2_session_get_remote_settings(session_.get(),
                                                        NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

// The backend takes fewer streams than were opened, or no more at all: those that wait for room
// could wait for long, and may go elsewhere without harm.
void H2ClientCodec::ReturnUnsent() {
  if (has_room() && reusable()) return;
  for (size_t i = 0; i < slots_.size(); ++i) {
    Stream* stream = slots_[i];
    if (stream == nullptr || stream->wire_id == 0 || stream->head_left) continue;
    stream->body.Close();
    session_.Reset(stream->wire_id, NGHTTP2_CANCEL);
    ResetStream(*stream, MakeFault(FaultCode::kUpstreamReset, Retry::kYes));
  }
  FlushSoon();
  TellResets();
}

void H2ClientCodec::FlushSoon() {
  if (!dead_ || !resets_.empty()) context_.loop.Defer(flush_);
}

void H2ClientCodec::Flush() {
  if (dead_ || session_.inside()) return;
  session_.Flush();
  if (!session_.over()) return;
  // Without exchanges this is the end of a GOAWAY, else that of a connection that we broke off.
  Die(open_ == 0 ? core::Fault{} : MakeFault(FaultCode::kUpstreamProtocol));
}

// Only from the loop or from a call upwards' caller: receivers may be told.
void H2ClientCodec::FlushAndTell() {
  upcalls_ok_ = true;
  Flush();
  upcalls_ok_ = false;
  flush_.Unlink();
  TellResets();
  WakeWriters();
}

void H2ClientCodec::OnFlushed() {
  if (!dead_) FlushAndTell();
}

void H2ClientCodec::WakeWriters() {
  for (size_t i = 0; blocked_ > 0 && i < slots_.size() && !dead_ && session_.may_write(); ++i) {
    Stream* stream = slots_[i];
    if (stream == nullptr || !stream->blocked || !stream->body.is_low()) continue;
    stream->blocked = false;
    --blocked_;
    if (stream->receiver != nullptr) stream->receiver->OnRequestWritable();
  }
}

void H2ClientCodec::OnFrameSent(const nghttp2_frame& frame) {
  session_.CountSent(frame.hd);
  if (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA) return;
  session_.Unpin(frame.hd.stream_id);
  Stream* stream = FindByWireId(frame.hd.stream_id);
  if (stream == nullptr) return;
  if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) stream->end_sent = true;
  if (std::exchange(stream->head_left, true)) return;
  ++on_wire_;
  stream->body.Open(stream->wire_id);
}

void H2ClientCodec::OnFrameNotSent(const nghttp2_frame& frame, int error) {
  session_.Unpin(frame.hd.stream_id);
  if (frame.hd.type != NGHTTP2_HEADERS || error == NGHTTP2_ERR_START_STREAM_NOT_ALLOWED) return;
  Stream* stream = FindByWireId(frame.hd.stream_id);
  if (stream != nullptr && !stream->head_left) stream->unsendable = true;
}

// A backend that has shut a window for good would hold what is queued behind it for ever.
void H2ClientCodec::Sweep() {
  bool waiting = false;
  for (size_t i = 0; i < slots_.size(); ++i) {
    Stream* stream = slots_[i];
    if (stream == nullptr || !stream->body.queued()) continue;
    waiting = true;
    const uint64_t written = stream->body.written();
    const bool moved = written != std::exchange(stream->written, written);
    if (!std::exchange(stream->swept, true) || moved) continue;
    stream->body.Close();
    session_.Reset(stream->wire_id, NGHTTP2_CANCEL);
    ResetStream(*stream, MakeFault(FaultCode::kUpstreamTimeout));
  }
  if (!waiting) return;
  context_.loop.timers().Arm(sweep_, limits_.stall_ms);
  FlushSoon();
  TellResets();
}

}  // namespace sluice::http
