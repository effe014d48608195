#include "dataplane/http/h2_client.h"

#include <algorithm>
#include <utility>

#include "dataplane/http/h2_callbacks.h"
#include "dataplane/http/h2_client_stream.h"
#include "dataplane/http/h2_field_block.h"

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

H2ClientCodec::H2ClientCodec(Transport& transport, const core::Limits& limits,
                             const H2ClientContext& context, uint32_t known_capacity)
    : transport_(transport),
      limits_(limits),
      context_(context),
      session_(H2FrameGuard::Peer::kBackend, {transport, limits, context.loop},
               H2Callbacks<H2ClientCodec>::Table(), this, std::max(1u, known_capacity)),
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
  if (stream.wire_id != 0 && !stream.head_left) --waiting_;
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
  // If the head leaves before we return, its text need not be copied. Others go first.
  const bool now = session_.may_write() && has_room() && waiting_ == 0;
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
  ++waiting_;
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
  if (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA) return;
  session_.Unpin(frame.hd.stream_id);
  Stream* stream = FindByWireId(frame.hd.stream_id);
  if (stream == nullptr) return;
  if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) stream->end_sent = true;
  if (std::exchange(stream->head_left, true)) return;
  ++on_wire_;
  --waiting_;
  stream->body.Open(stream->wire_id);
}

void H2ClientCodec::OnFrameNotSent(const nghttp2_frame& frame, int error) {
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
