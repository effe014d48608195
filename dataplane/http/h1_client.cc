#include "dataplane/http/h1_client.h"

#include <algorithm>
#include <new>
#include <utility>

#include "absl/strings/match.h"
#include "dataplane/http/chars.h"
#include "dataplane/http/connection_fields.h"
#include "dataplane/http/head_writer.h"

namespace sluice::http {
namespace {

using core::FaultCode;
using core::MakeFault;
using core::Retry;

// A server waits for the length of a request that by its method should have a body (RFC 9110 8.6).
bool ExpectsBody(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

}  // namespace

H1ClientCodec::H1ClientCodec(Transport& transport, const core::Limits& limits)
    : transport_(transport),
      limits_(limits),
      fields_(limits),
      chunks_(
          limits,
          [](void* self, Bytes data) { return static_cast<H1ClientCodec*>(self)->TakeBody(data); },
          this) {}

// ---- the request --------------------------------------------------------------------------------

StreamId H1ClientCodec::Open(ResponseReceiver& receiver) {
  receiver_ = &receiver;
  framing_ = Framing::kLength;
  unsent_body_ = 0;
  upgrade_ = {};
  head_sent_ = request_ended_ = head_request_ = blocked_ = false;
  any_byte_ = refused_ = false;
  informational_ = 0;
  BeginMessage();
  return ++id_;
}

void H1ClientCodec::SendHead(StreamId id, const RequestHead& head) {
  if (!is_current(id)) return;
  head_sent_ = true;
  head_request_ = head.method == "HEAD";
  upgrade_ = head.upgrade;
  if (!upgrade_.empty()) {
    framing_ = Framing::kTunnel;
  } else if (head.body.kind == BodyLength::Kind::kUnknown) {
    framing_ = Framing::kChunked;
  } else {
    framing_ = Framing::kLength;
    unsent_body_ = head.body.bytes;
  }
  WriteHead(head);
}

void H1ClientCodec::WriteHead(const RequestHead& head) {
  [[clang::uninitialized]] HeadWriter out(
      head.headers,
      256 + head.method.size() + head.target.size() + head.authority.size() + head.upgrade.size());
  out.Put(head.method);
  out.Put(" ");
  out.Put(head.target);
  out.Put(" HTTP/1.1\r\n");
  out.PutField("host", head.authority);
  out.PutFields(head.headers);
  if (framing_ == Framing::kTunnel) {
    out.Put("connection: upgrade\r\n");
    out.PutField("upgrade", head.upgrade);
  } else if (framing_ == Framing::kChunked) {
    out.Put("transfer-encoding: chunked\r\n");
  } else if (unsent_body_ > 0 || ExpectsBody(head.method)) {
    out.PutLength(unsent_body_);
  }
  if (head.expect_continue) out.Put("expect: 100-continue\r\n");
  if (head.te_trailers && framing_ != Framing::kTunnel) {
    out.Put("connection: te\r\nte: trailers\r\n");
  }
  out.Put("\r\n");
  out.WriteTo(transport_);
}

bool H1ClientCodec::SendData(StreamId id, Bytes data) {
  if (!is_current(id) || data.empty() || request_ended_) return true;
  switch (framing_) {
    case Framing::kLength:
      // More than was promised would be read as the next request.
      if (data.size() > unsent_body_) data = data.first(unsent_body_);
      unsent_body_ -= data.size();
      if (!data.empty()) transport_.Write(data);
      break;
    case Framing::kChunked:
      WriteChunk(transport_, data);
      break;
    case Framing::kTunnel:
      if (head_->status == 101) transport_.Write(data);
  }
  blocked_ = transport_.unsent() > limits_.high_watermark_bytes;
  return !blocked_;
}

void H1ClientCodec::SendEnd(StreamId id, const HeaderList& trailers) {
  if (!is_current(id) || request_ended_) return;
  request_ended_ = true;
  switch (framing_) {
    case Framing::kLength:
      if (unsent_body_ > 0) reusable_ = false;
      break;
    case Framing::kChunked:
      WriteLastChunk(transport_, trailers);
      break;
    case Framing::kTunnel:
      transport_.EndWriting();
  }
  CloseExchange();
}

void H1ClientCodec::Cancel(StreamId id) {
  if (!is_current(id)) return;
  Unpause();
  receiver_ = nullptr;
  reusable_ = false;
}

void H1ClientCodec::PauseResponse(StreamId id, bool paused) {
  if (!is_current(id) || paused_ == paused) return;
  paused_ = paused;
  transport_.PauseReading(paused);
}

void H1ClientCodec::Unpause() {
  if (std::exchange(paused_, false)) transport_.PauseReading(false);
}

// An exchange is over when both directions are.
void H1ClientCodec::CloseExchange() {
  if (phase_ != Phase::kEnded || !request_ended_) return;
  Unpause();
  receiver_ = nullptr;
}

// ---- the response -------------------------------------------------------------------------------

core::Fault H1ClientCodec::OnBytes(Bytes bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  while (!text.empty()) {
    // Bytes that no request asked for, or that follow a response.
    if (receiver_ == nullptr || phase_ == Phase::kEnded || !head_sent_) {
      return Break(MakeFault(FaultCode::kUpstreamProtocol));
    }
    any_byte_ = true;
    text.remove_prefix(ReadSome(text));
    if (refused_) return Break(MakeFault(FaultCode::kUpstreamProtocol));
    if (receiver_ == nullptr) return {};  // cancelled from within
    if (phase_ == Phase::kEnded) return TellEnd(!text.empty());
  }
  return {};
}

// `more` bytes follow the response. They must be known to be too many before the receiver hears of
// the end, or they would be read as the answer to the request that it opens then.
core::Fault H1ClientCodec::TellEnd(bool more) {
  // An answer before the whole request was sent: what the backend makes of the rest is unknown. An
  // upgrade that was refused leaves none, but the backend may think otherwise.
  if (more || !request_ended_) reusable_ = false;
  ResponseReceiver& receiver = *receiver_;
  HeaderList& trailers = *trailers_;
  CloseExchange();
  receiver.OnResponseEnd(trailers);
  return more ? Break(MakeFault(FaultCode::kUpstreamProtocol)) : core::Fault{};
}

size_t H1ClientCodec::ReadSome(std::string_view text) {
  switch (phase_) {
    case Phase::kStatusLine:
      return ReadStatusLine(text);
    case Phase::kFields:
      return ReadFields(text);
    case Phase::kChunks:
      return ReadChunks(text);
    case Phase::kBody:
      return ReadBody(text);
    default:
      receiver_->OnResponseData({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
      return text.size();
  }
}

void H1ClientCodec::BeginMessage() {
  core::Arena& arena = receiver_->response_arena();
  head_ = new (arena.Allocate(sizeof(ResponseHead))) ResponseHead(arena);
  trailers_ = new (arena.Allocate(sizeof(HeaderList))) HeaderList(arena);
  fields_.Begin(head_->headers);
  line_ = {};
  phase_ = Phase::kStatusLine;
}

size_t H1ClientCodec::ReadStatusLine(std::string_view text) {
  const size_t lf = text.find('\n');
  const std::string_view piece = lf == std::string_view::npos ? text : text.substr(0, lf + 1);
  const bool whole = lf != std::string_view::npos;
  std::string_view line = piece;
  if (!whole || !line_.empty()) {
    line = line_ = receiver_->response_arena().Extend(line_, piece);
  }
  constexpr std::string_view kStart = "HTTP/1.";
  const size_t begin = std::min(line.size(), kStart.size());
  if (line.size() > limits_.request_line_bytes ||
      line.substr(0, begin) != kStart.substr(0, begin)) {
    Refuse();
  } else if (whole) {
    if (!ParseStatusLine(line)) Refuse();
    phase_ = Phase::kFields;
  }
  return piece.size();
}

// "HTTP/1.1 200 OK" CRLF; the reason and the space before it may be missing.
bool H1ClientCodec::ParseStatusLine(std::string_view line) {
  if (!line.ends_with("\r\n")) return false;
  line.remove_suffix(2);
  if (line.size() < 12 || line[8] != ' ' || (line.size() > 12 && line[12] != ' ')) return false;
  if (line[7] != '0' && line[7] != '1') return false;
  version_ = line[7] == '0' ? Version::kHttp10 : Version::kHttp11;
  for (char c : line.substr(9, 3)) {
    if (c < '0' || c > '9') return false;
    head_->status = head_->status * 10 + (c - '0');
  }
  return head_->status >= 100 && head_->status <= 599 && AllAre(kFieldChar, line.substr(12));
}

size_t H1ClientCodec::ReadFields(std::string_view text) {
  size_t taken;
  const FieldParser::Result result = fields_.Parse(text, taken);
  if (result == FieldParser::Result::kDone) {
    EndHead();
  } else if (result != FieldParser::Result::kMore) {
    Refuse();
  }
  return taken;
}

void H1ClientCodec::EndHead() {
  if (!ReadHead()) return Refuse();
  ResponseHead& head = *head_;
  if (head.status < 200 && head.status != 101) {
    BeginMessage();
    return receiver_->OnInformational(head.status, head.headers);
  }
  const bool bodiless = phase_ == Phase::kBody && body_left_ == 0;
  receiver_->OnResponseHead(head);
  if (bodiless && receiver_ != nullptr) phase_ = Phase::kEnded;
}

// False: the head breaks the protocol. Sets the phase that follows.
bool H1ClientCodec::ReadHead() {
  const auto fields = TakeConnectionFields(head_->headers, version_);
  if (!fields) return false;
  if (head_->status < 200) return ReadInterim(*fields);
  if (fields->close || (version_ == Version::kHttp10 && !fields->keep_alive)) reusable_ = false;
  ReadBodyLength(*fields);
  return true;
}

bool H1ClientCodec::ReadInterim(const ConnectionFields& fields) {
  if (fields.chunked || fields.content_length > 0) return false;
  if (head_->status != 101) return ++informational_ <= limits_.informational_responses;
  // Only the protocol that was asked for, and only if one was.
  if (upgrade_.empty() || !absl::EqualsIgnoreCase(fields.upgrade, upgrade_)) return false;
  head_->upgrade = fields.upgrade;
  reusable_ = false;
  phase_ = Phase::kTunnel;
  return true;
}

// RFC 9112 6.3
void H1ClientCodec::ReadBodyLength(const ConnectionFields& fields) {
  body_left_ = 0;
  phase_ = Phase::kBody;
  if (head_request_ || head_->status == 204 || head_->status == 304) {
    if (head_->status != 204) head_->declared_length = fields.content_length;
  } else if (fields.chunked) {
    head_->body.kind = BodyLength::Kind::kUnknown;
    phase_ = Phase::kChunks;
    chunks_.Begin(*trailers_);
  } else if (fields.content_length >= 0) {
    body_left_ = static_cast<uint64_t>(fields.content_length);
    if (body_left_ > 0) head_->body = {BodyLength::Kind::kKnown, body_left_};
  } else {
    head_->body.kind = BodyLength::Kind::kUnknown;
    phase_ = Phase::kUntilClose;
    reusable_ = false;
  }
}

size_t H1ClientCodec::ReadBody(std::string_view text) {
  const size_t size = static_cast<size_t>(std::min<uint64_t>(text.size(), body_left_));
  body_left_ -= size;
  const bool last = body_left_ == 0;
  if (TakeBody({reinterpret_cast<const uint8_t*>(text.data()), size}) && last)
    phase_ = Phase::kEnded;
  return size;
}

size_t H1ClientCodec::ReadChunks(std::string_view text) {
  size_t taken;
  switch (chunks_.Read(text, taken)) {
    case ChunkedBody::Result::kMore:
    case ChunkedBody::Result::kStopped:
      break;
    case ChunkedBody::Result::kDone:
      if (!CleanTrailers(*trailers_)) {
        Refuse();
      } else {
        phase_ = Phase::kEnded;
      }
      break;
    default:
      Refuse();
  }
  return taken;
}

// A piece of the body. False: nobody wants more of it.
bool H1ClientCodec::TakeBody(Bytes data) {
  receiver_->OnResponseData(data);
  return receiver_ != nullptr;
}

void H1ClientCodec::OnEof() {
  reusable_ = false;
  if (receiver_ == nullptr || phase_ == Phase::kEnded) return;
  if (phase_ == Phase::kTunnel || phase_ == Phase::kUntilClose) {
    phase_ = Phase::kEnded;
    (void)TellEnd(false);
  } else {
    Fail(MakeFault(any_byte_ ? FaultCode::kUpstreamTruncated : FaultCode::kUpstreamReset));
  }
}

void H1ClientCodec::OnFlushed() {
  if (std::exchange(blocked_, false) && receiver_ != nullptr) receiver_->OnRequestWritable();
}

void H1ClientCodec::OnConnectionLost(core::Fault fault) {
  reusable_ = false;
  Fail(fault);
}

core::Fault H1ClientCodec::Break(core::Fault fault) {
  reusable_ = false;
  Fail(fault);
  return fault;
}

// Nothing of a response has come: if the connection had served before, the backend has closed it
// while the request was under way, and has most likely not seen it.
void H1ClientCodec::Fail(core::Fault fault) {
  if (receiver_ == nullptr) return;
  if (!any_byte_ && fault.retry == Retry::kNo) fault.retry = Retry::kIfReused;
  Unpause();
  ResponseReceiver* receiver = std::exchange(receiver_, nullptr);
  if (phase_ != Phase::kEnded) receiver->OnResponseReset(fault);
}

}  // namespace sluice::http
