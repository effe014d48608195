// The way out of H2ServerCodec: responses, and when what is written leaves.
#include <utility>

#include "dataplane/http/h2_field_block.h"
#include "dataplane/http/h2_server_stream.h"

namespace sluice::http {
namespace {

using core::FaultCode;
using core::MakeFault;

bool HasBody(int status) { return status >= 200 && status != 204 && status != 304; }

}  // namespace

uint32_t H2ErrorOf(core::Fault fault) {
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
  session_.Reset(static_cast<int32_t>(id), H2ErrorOf(fault));
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
