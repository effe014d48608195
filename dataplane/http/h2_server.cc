#include "dataplane/http/h2_server.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "absl/log/check.h"
#include "dataplane/http/connection_fields.h"

namespace sluice::http {
namespace {

using core::FaultCode;
using core::MakeFault;

// A stream waits for OnResponseWritable when more than this is queued.
constexpr size_t kQueueHigh = 32 * 1024;
constexpr size_t kQueueLow = 8 * 1024;
// Less than this is queued until the turn's end: it may share a frame with the end of the stream.
constexpr size_t kSmallBytes = 2 * 1024;
constexpr size_t kSpareStreams = 8;

constexpr uint8_t kDrainPing[8] = {'d', 'r', 'a', 'i', 'n', 0, 0, 0};

bool HasBody(int status) { return status >= 200 && status != 204 && status != 304; }

std::string_view TextOf(nghttp2_rcbuf* buffer) {
  const nghttp2_vec text = nghttp2_rcbuf_get_buf(buffer);
  return {reinterpret_cast<const char*>(text.base), text.len};
}

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

// A header block for libnghttp2, in the list's arena: the list without framing fields, which are
// HTTP/1's, and what is put before and behind.
class FieldBlock {
 public:
  static constexpr size_t kExtra = 4;

  FieldBlock(core::Arena& arena, const HeaderList& list, uint8_t flags)
      : fields_(arena.AllocateArray<nghttp2_nv>(list.size() + kExtra)), flags_(flags) {}

  void Add(std::string_view name, std::string_view value) {
    fields_[size_++] = {reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
                        reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(),
                        value.size(), flags_};
  }
  void AddAll(const HeaderList& list) {
    for (const Header& header : list) {
      if (!IsFraming(header.known)) Add(header.name, header.value);
    }
  }
  const nghttp2_nv* data() const { return fields_.data(); }
  size_t size() const { return size_; }

 private:
  std::span<nghttp2_nv> fields_;
  size_t size_ = 0;
  uint8_t flags_;
};

std::string_view Print(uint64_t number, std::span<char> room) {
  char* end = std::to_chars(room.data(), room.data() + room.size(), number).ptr;
  return {room.data(), static_cast<size_t>(end - room.data())};
}

}  // namespace

struct H2ServerCodec::Stream {
  Stream(const core::Limits& limits, core::BufferPool& buffers) : request(limits), queue(buffers) {}

  StreamId id = 0;
  size_t place = 0;                     // in streams_
  RequestReceiver* receiver = nullptr;  // null once told of its end, or finished
  H2Request request;
  core::ByteQueue queue;  // of the response's body
  Bytes direct;           // behind the queue: the span of the SendData that we are in
  std::vector<std::pair<std::string, std::string>> trailers;
  uint64_t body_written = 0;
  uint64_t taken = 0;  // at the last sweep that saw the stream
  bool swept = false;
  size_t unconsumed = 0;  // bytes that came while paused, not given back to the windows
  bool head_delivered = false;
  bool request_ended = false;
  bool head_request = false;
  bool paused = false;
  bool head_sent = false;
  bool body_submitted = false;
  bool body_waits = false;  // libnghttp2 has asked for bytes and got none
  bool response_ended = false;
  bool end_sent = false;  // END_STREAM has left
  bool blocked = false;
};

// ---- libnghttp2 ---------------------------------------------------------------------------------

struct H2ServerCodec::Callbacks {
  static H2ServerCodec& Self(void* user) { return *static_cast<H2ServerCodec*>(user); }

  static int BeginFrame(nghttp2_session*, const nghttp2_frame_hd* header, void* user) {
    return Self(user).OnBeginFrame(*header);
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
    H2ServerCodec& self = Self(user);
    if (static_cast<StreamId>(frame->hd.stream_id) == self.pinned_) self.pinned_ = 0;
    return 0;
  }
  static int StreamClose(nghttp2_session*, int32_t id, uint32_t error_code, void* user) {
    Self(user).OnStreamClose(static_cast<StreamId>(id), error_code);
    return 0;
  }
  static int SendBody(nghttp2_session*, nghttp2_frame*, const uint8_t* header, size_t length,
                      nghttp2_data_source* source, void* user) {
    return Self(user).WriteBody(*static_cast<Stream*>(source->ptr), {header, 9}, length);
  }
  static nghttp2_ssize ReadBody(nghttp2_session*, int32_t, uint8_t*, size_t length, uint32_t* flags,
                                nghttp2_data_source* source, void* user) {
    return Self(user).ReadBody(*static_cast<Stream*>(source->ptr), length, *flags);
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
      nghttp2_session_callbacks_set_send_data_callback(made, SendBody);
      return made;
    }();
    return table;
  }

  static const nghttp2_option* Options() {
    static const nghttp2_option* const options = [] {
      nghttp2_option* made;
      CHECK_EQ(nghttp2_option_new(&made), 0);
      nghttp2_option_set_no_auto_window_update(made, 1);
      // Behind our own bucket, which also counts the resets that we are made to send.
      nghttp2_option_set_stream_reset_rate_limit(made, 2000, 100);
      nghttp2_option_set_glitch_rate_limit(made, 1000, 100);
      nghttp2_option_set_max_outbound_ack(made, 1000);
      nghttp2_option_set_max_continuations(made, 8);
      return made;
    }();
    return options;
  }
};

H2ServerCodec::H2ServerCodec(Transport& transport, StreamFactory& factory,
                             const core::Limits& limits, bool https, const H2Context& context)
    : transport_(transport),
      factory_(factory),
      limits_(limits),
      context_(context),
      https_(https),
      flush_([](void* self) { static_cast<H2ServerCodec*>(self)->FlushAndTell(); }, this),
      sweep_([](void* self) { static_cast<H2ServerCodec*>(self)->Sweep(); }, this),
      resets_allowed_(900, 33, context.loop.now_ms()),
      control_allowed_(10'000, 330, context.loop.now_ms()),
      empty_allowed_(100, 10, context.loop.now_ms()) {
  CHECK_EQ(nghttp2_session_server_new2(&session_, Callbacks::Table(), this, Callbacks::Options()),
           0);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.h2_streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.h2_stream_window_bytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(limits.header_block_bytes)},
  };
  CHECK_EQ(nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings)), 0);
  CHECK_EQ(
      nghttp2_session_set_local_window_size(
          session_, NGHTTP2_FLAG_NONE, 0, static_cast<int32_t>(limits.h2_connection_window_bytes)),
      0);
  FlushSoon();
}

H2ServerCodec::~H2ServerCodec() {
  nghttp2_session_del(session_);
  for (Stream* stream : streams_) delete stream;
}

H2ServerCodec::Stream* H2ServerCodec::Find(StreamId id) const {
  return static_cast<Stream*>(
      nghttp2_session_get_stream_user_data(session_, static_cast<int32_t>(id)));
}

H2ServerCodec::Stream& H2ServerCodec::NewStream(StreamId id) {
  std::unique_ptr<Stream> stream;
  if (spare_.empty()) {
    stream = std::make_unique<Stream>(limits_, context_.buffers);
  } else {
    stream = std::move(spare_.back());
    spare_.pop_back();
  }
  stream->id = id;
  stream->place = streams_.size();
  streams_.push_back(stream.get());
  nghttp2_session_set_stream_user_data(session_, static_cast<int32_t>(id), stream.get());
  return *stream.release();
}

void H2ServerCodec::FreeStream(Stream& stream) {
  if (stream.blocked) --blocked_;
  if (reading_ == &stream) reading_ = nullptr;
  streams_[stream.place] = streams_.back();
  streams_[stream.place]->place = stream.place;
  streams_.pop_back();
  std::unique_ptr<Stream> owned(&stream);
  if (spare_.size() == kSpareStreams) return;
  std::destroy_at(owned.get());
  std::construct_at(owned.get(), limits_, context_.buffers);
  spare_.push_back(std::move(owned));
}

// ---- the requests -------------------------------------------------------------------------------

size_t H2ServerCodec::OnBytes(Bytes bytes) {
  if (dead_) return bytes.size();
  in_session_ = upcalls_ok_ = true;
  const nghttp2_ssize taken = Receive(bytes);
  in_session_ = upcalls_ok_ = false;
  FlushAndTell();
  if (taken < 0 && !dead_) {
    Die(MakeFault(taken == NGHTTP2_ERR_FLOODED ? FaultCode::kAbuse : FaultCode::kProtocolError));
    TellResets();
  }
  return bytes.size();
}

// Bytes to the session, past the guard. Returns what the session does.
nghttp2_ssize H2ServerCodec::Receive(Bytes bytes) {
  nghttp2_ssize taken = 0;
  while (taken >= 0 && !bytes.empty()) {
    const Bytes good = bytes.first(guard_.Check(bytes));
    taken = nghttp2_session_mem_recv2(session_, good.data(), good.size());
    if (guard_.error() != NGHTTP2_NO_ERROR) {
      nghttp2_session_terminate_session(session_, guard_.error());
    }
    bytes = bytes.subspan(good.size());
    if (guard_.large_update().id == 0 || taken < 0) break;
    const Bytes update = bytes.first(H2FrameGuard::kUpdateBytes);
    bytes = bytes.subspan(update.size());
    if (!Overflows(guard_.large_update())) {
      taken = nghttp2_session_mem_recv2(session_, update.data(), update.size());
    }
  }
  return taken;
}

// A window beyond 2^31-1 is the stream's error.
bool H2ServerCodec::Overflows(const H2FrameGuard::LargeUpdate& update) {
  const auto id = static_cast<int32_t>(update.id);
  const int64_t window = nghttp2_session_get_stream_remote_window_size(session_, id);
  if (nghttp2_session_find_stream(session_, id) == nullptr ||
      window + update.increment <= std::numeric_limits<int32_t>::max()) {
    return false;
  }
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_FLOW_CONTROL_ERROR);
  return true;
}

int H2ServerCodec::OnBeginFrame(const nghttp2_frame_hd& header) {
  switch (header.type) {
    case NGHTTP2_DATA:
      if (header.length == 0 && (header.flags & NGHTTP2_FLAG_END_STREAM) == 0 &&
          !empty_allowed_.Take(context_.loop.now_ms())) {
        Abuse();
      }
      return 0;
    case NGHTTP2_HEADERS:
    case NGHTTP2_CONTINUATION:
    case NGHTTP2_RST_STREAM:
    case NGHTTP2_WINDOW_UPDATE:
      return 0;  // bounded elsewhere, or the fate of a fast transfer
    default:
      if (!control_allowed_.Take(context_.loop.now_ms())) Abuse();
      return 0;
  }
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
  if (verdict == H2Request::Verdict::kAbuse) Abuse();
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
      if (!resets_allowed_.Take(context_.loop.now_ms())) Abuse();
      break;
    case NGHTTP2_PING:
      // The client has seen the notice: no request can be under way beyond the last one we know.
      if (draining_ && (frame.hd.flags & NGHTTP2_FLAG_ACK) != 0 &&
          std::memcmp(frame.ping.opaque_data, kDrainPing, sizeof kDrainPing) == 0) {
        drained_ = true;
        nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                              nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                              nullptr, 0);
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
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, frame.hd.stream_id,
                            NGHTTP2_PROTOCOL_ERROR);
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
    nghttp2_session_consume(session_, static_cast<int32_t>(id), data.size());
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
    nghttp2_session_consume(session_, static_cast<int32_t>(stream.id), bytes);
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
  stream.head_sent = stream.response_ended = true;
  nghttp2_submit_headers(session_, NGHTTP2_FLAG_END_STREAM, static_cast<int32_t>(stream.id),
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
  if (stream->unconsumed > 0) nghttp2_session_consume_connection(session_, stream->unconsumed);
  nghttp2_session_set_stream_user_data(session_, static_cast<int32_t>(id), nullptr);
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

// By a window of the client's that is shut; else only the connection can hold a stream back.
bool H2ServerCodec::IsHeld(const Stream& stream) const {
  return nghttp2_session_get_stream_remote_window_size(session_, static_cast<int32_t>(stream.id)) <=
             0 ||
         nghttp2_session_get_remote_window_size(session_) <= 0;
}

uint64_t H2ServerCodec::Taken(StreamId id) const {
  const Stream* stream = Find(id);
  if (stream == nullptr) return 0;
  return IsHeld(*stream) ? stream->body_written : transport_.acknowledged();
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
    if (!IsHeld(*stream)) return OnConnectionLost(stalled);
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, static_cast<int32_t>(stream->id),
                              ErrorOf(stalled));
  }
  if (!waiting) return;
  context_.loop.timers().Arm(sweep_, limits_.stall_ms);
  FlushSoon();
}

void H2ServerCodec::Abuse() {
  abused_ = true;
  nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
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
  nghttp2_submit_shutdown_notice(session_);
  FlushSoon();
}

// ---- writing ------------------------------------------------------------------------------------

bool H2ServerCodec::may_write() const {
  return !in_session_ && !dead_ && transport_.unsent() <= limits_.high_watermark_bytes;
}

void H2ServerCodec::FlushSoon() {
  if (!dead_ || !resets_.empty()) context_.loop.Defer(flush_);
}

void H2ServerCodec::Flush() {
  if (in_session_ || dead_) return;
  in_session_ = true;
  while (transport_.unsent() <= limits_.high_watermark_bytes || pinned_ != 0) {
    const uint8_t* data;
    const nghttp2_ssize size = nghttp2_session_mem_send2(session_, &data);
    CHECK_GE(size, 0) << "libnghttp2 is out of memory";
    if (size == 0) break;
    transport_.Write({data, static_cast<size_t>(size)});
  }
  pinned_ = 0;
  in_session_ = false;
  if (!nghttp2_session_want_read(session_) && !nghttp2_session_want_write(session_)) {
    Die(MakeFault(abused_ ? FaultCode::kAbuse : FaultCode::kProtocolError));
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
  for (size_t i = 0; i < streams_.size() && may_write(); ++i) {
    Stream& stream = *streams_[i];
    if (!stream.blocked || stream.queue.size() > kQueueLow || stream.receiver == nullptr) continue;
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
    if (!ours && !resets_allowed_.Take(context_.loop.now_ms())) Abuse();
    return;
  }
  if (frame.hd.type == NGHTTP2_GOAWAY && draining_ && !std::exchange(drain_pinged_, true)) {
    nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, kDrainPing);
  }
  if (frame.hd.type != NGHTTP2_HEADERS && frame.hd.type != NGHTTP2_DATA) return;
  if (frame.hd.type == NGHTTP2_HEADERS && id == pinned_) pinned_ = 0;
  if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return;
  Stream* stream = Find(id);
  if (stream == nullptr) return;
  stream->end_sent = true;
  // The rest of the request is of no use (RFC 9113 8.1).
  if (stream->receiver == nullptr && !stream->request_ended) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, frame.hd.stream_id, NGHTTP2_NO_ERROR);
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
  nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, static_cast<int32_t>(id), nullptr,
                         block.data(), block.size(), nullptr);
  FlushSoon();
}

void H2ServerCodec::SendHead(StreamId id, const ResponseHead& head) {
  Stream* stream = Find(id);
  if (stream == nullptr || stream->head_sent) return;
  stream->head_sent = true;
  const bool ends =
      !HasBody(head.status) || stream->head_request || head.body.kind == BodyLength::Kind::kNone;
  if (ends) stream->response_ended = true;

  // If the head leaves before we return, its text need not be copied.
  const bool now = may_write();
  FieldBlock block(
      head.headers.arena(), head.headers,
      now ? NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE : NGHTTP2_NV_FLAG_NONE);
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
  nghttp2_submit_headers(session_, ends ? NGHTTP2_FLAG_END_STREAM : NGHTTP2_FLAG_NONE,
                         static_cast<int32_t>(id), nullptr, block.data(), block.size(), nullptr);
  if (now) {
    pinned_ = id;
    Flush();
  } else {
    FlushSoon();
  }
}

bool H2ServerCodec::SendData(StreamId id, Bytes data) {
  Stream* stream = Find(id);
  if (stream == nullptr || stream->response_ended || !stream->head_sent || data.empty())
    return true;
  if (data.size() > kSmallBytes && stream->queue.empty() && may_write()) {
    stream->direct = data;
    ResumeBody(*stream);
    Flush();
    stream = Find(id);
    if (stream == nullptr) return true;  // closed by what was flushed
    data = std::exchange(stream->direct, {});
  }
  if (!data.empty()) {
    stream->queue.Append(data);
    ResumeBody(*stream);
    FlushSoon();
  }
  const bool blocked =
      stream->queue.size() > kQueueHigh || transport_.unsent() > limits_.high_watermark_bytes;
  if (blocked && !std::exchange(stream->blocked, true)) ++blocked_;
  return !blocked;
}

void H2ServerCodec::SendEnd(StreamId id, const HeaderList& trailers) {
  Stream* stream = Find(id);
  if (stream == nullptr || stream->response_ended || !stream->head_sent) return;
  stream->response_ended = true;
  for (const Header& header : trailers) {
    if (!IsFraming(header.known)) stream->trailers.emplace_back(header.name, header.value);
  }
  ResumeBody(*stream);
  FlushSoon();
}

// Tells libnghttp2 that there is something to send.
void H2ServerCodec::ResumeBody(Stream& stream) {
  const auto id = static_cast<int32_t>(stream.id);
  if (!std::exchange(stream.body_submitted, true)) {
    nghttp2_data_provider2 provider = {.source = {.ptr = &stream},
                                       .read_callback = Callbacks::ReadBody};
    nghttp2_submit_data2(session_, NGHTTP2_FLAG_END_STREAM, id, &provider);
  } else if (std::exchange(stream.body_waits, false)) {
    nghttp2_session_resume_data(session_, id);
  }
}

nghttp2_ssize H2ServerCodec::ReadBody(Stream& stream, size_t length, uint32_t& flags) {
  const size_t available = stream.queue.size() + stream.direct.size();
  if (available == 0 && !stream.response_ended) {
    stream.body_waits = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  const size_t size = std::min(length, available);
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (stream.response_ended && size == available) {
    flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!stream.trailers.empty()) {
      flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      SubmitTrailers(stream);
    }
  }
  return static_cast<nghttp2_ssize>(size);
}

void H2ServerCodec::SubmitTrailers(Stream& stream) {
  core::ArenaPool pool(0);
  core::Arena arena(pool);
  HeaderList list(arena);
  for (const auto& [name, value] : stream.trailers) list.Add(name, value);
  FieldBlock block(arena, list, NGHTTP2_NV_FLAG_NONE);
  block.AddAll(list);
  nghttp2_submit_trailer(session_, static_cast<int32_t>(stream.id), block.data(), block.size());
}

int H2ServerCodec::WriteBody(Stream& stream, Bytes frame_header, size_t length) {
  if (transport_.unsent() > limits_.high_watermark_bytes && pinned_ == 0) {
    return NGHTTP2_ERR_WOULDBLOCK;
  }
  transport_.Write(frame_header);
  stream.body_written += length;
  while (length > 0 && !stream.queue.empty()) {
    Bytes front = stream.queue.Front();
    front = front.first(std::min(front.size(), length));
    transport_.Write(front);
    stream.queue.Consume(front.size());
    length -= front.size();
  }
  if (length > 0) {
    transport_.Write(stream.direct.first(length));
    stream.direct = stream.direct.subspan(length);
  }
  return 0;
}

void H2ServerCodec::SendReset(StreamId id, core::Fault fault) {
  Stream* stream = Find(id);
  if (stream == nullptr) return;
  stream->response_ended = true;
  stream->end_sent = true;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, static_cast<int32_t>(id), ErrorOf(fault));
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
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, static_cast<int32_t>(id),
                              NGHTTP2_NO_ERROR);
    FlushSoon();
  }
}

void H2ServerCodec::PauseRequest(StreamId id, bool paused) {
  Stream* stream = Find(id);
  if (stream == nullptr || stream->paused == paused) return;
  stream->paused = paused;
  if (paused) return;
  nghttp2_session_consume(session_, static_cast<int32_t>(id), std::exchange(stream->unconsumed, 0));
  FlushSoon();
}

}  // namespace sluice::http
