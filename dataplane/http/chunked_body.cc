#include "dataplane/http/chunked_body.h"

#include "absl/log/check.h"

namespace sluice::http {
namespace {

// A parser that believes to have read a head, so that chunks are what it expects.
const llhttp_t& ParserAtBody() {
  static const llhttp_t parser = [] {
    static const llhttp_settings_t no_callbacks = {};
    constexpr std::string_view kHead = "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n";
    llhttp_t made;
    llhttp_init(&made, HTTP_REQUEST, &no_callbacks);
    CHECK_EQ(llhttp_execute(&made, kHead.data(), kHead.size()), HPE_OK);
    return made;
  }();
  return parser;
}

}  // namespace

const llhttp_settings_t ChunkedBody::kCallbacks = {
    .on_header_field = OnName,
    .on_header_value = OnValue,
    .on_chunk_extension_name = OnExtension,
    .on_chunk_extension_value = OnExtension,
    .on_body = OnData,
    .on_message_complete = OnEnd,
    .on_header_value_complete = OnValueEnd,
    .on_chunk_header = OnChunk,
};

void ChunkedBody::Begin(HeaderList& trailers) {
  parser_ = ParserAtBody();
  parser_.settings = const_cast<llhttp_settings_t*>(&kCallbacks);
  parser_.data = this;
  trailers_ = &trailers;
  fields_.Begin(trailers);
  read_bytes_ = data_bytes_ = extension_bytes_ = 0;
  framing_allowed_ = kFramingBytes + limits_.chunk_extension_bytes;
  in_trailers_ = false;
  failed_ = Result::kBad;
}

ChunkedBody::Result ChunkedBody::Read(std::string_view text, size_t& taken) {
  text_ = text.data();
  const llhttp_errno_t result = llhttp_execute(&parser_, text.data(), text.size());
  taken = result == HPE_OK ? text.size() : static_cast<size_t>(parser_.error_pos - text.data());
  read_bytes_ += taken;
  if (result == HPE_OK) return IsTooMuchFraming(read_bytes_) ? Result::kBad : Result::kMore;
  return result == HPE_PAUSED ? Result::kDone : failed_;
}

int ChunkedBody::OnChunk(llhttp_t* parser) {
  ChunkedBody& body = Of(parser);
  body.framing_allowed_ += kFramingBytesAChunk;
  body.in_trailers_ = parser->content_length == 0;
  return 0;
}

int ChunkedBody::OnData(llhttp_t* parser, const char* at, size_t size) {
  ChunkedBody& body = Of(parser);
  const uint64_t read = body.read_bytes_ + static_cast<uint64_t>(at - body.text_);
  if (body.IsTooMuchFraming(read)) return body.Fail(Result::kBad);
  body.data_bytes_ += size;
  const bool go_on = body.sink_(body.self_, {reinterpret_cast<const uint8_t*>(at), size});
  return go_on ? 0 : body.Fail(Result::kStopped);
}

int ChunkedBody::OnExtension(llhttp_t* parser, const char*, size_t size) {
  ChunkedBody& body = Of(parser);
  body.extension_bytes_ += size;
  return body.extension_bytes_ <= body.limits_.chunk_extension_bytes ? 0 : body.Fail(Result::kBad);
}

int ChunkedBody::OnName(llhttp_t* parser, const char* at, size_t size) {
  ChunkedBody& body = Of(parser);
  if (body.trailers_ == nullptr || body.fields_.AddName({at, size})) return 0;
  return body.Fail(Result::kTooLarge);
}

int ChunkedBody::OnValue(llhttp_t* parser, const char* at, size_t size) {
  ChunkedBody& body = Of(parser);
  if (body.trailers_ == nullptr || body.fields_.AddValue({at, size})) return 0;
  return body.Fail(Result::kTooLarge);
}

int ChunkedBody::OnValueEnd(llhttp_t* parser) {
  ChunkedBody& body = Of(parser);
  if (body.trailers_ != nullptr) body.fields_.EndField();
  return 0;
}

}  // namespace sluice::http
