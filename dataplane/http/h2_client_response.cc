// The way in of H2ClientCodec: responses, and how exchanges end that get none.
#include <algorithm>
#include <utility>

#include "dataplane/http/h2_client_stream.h"
#include "dataplane/http/h2_field_block.h"

namespace sluice::http {

using core::FaultCode;
using core::MakeFault;
using core::Retry;

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
  const bool leaves = stream.end_sent || (stream.body.ended() && !stream.body.queued() &&
                                          !session_.IsHeld(stream.wire_id));
  if (!leaves) {
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

}  // namespace sluice::http
