// Reads a chunked body and its trailers (RFC 9112 7.1) with llhttp, strictly: no lenient flag is
// set; extensions, what frames the chunks (leading zeros of a size are as many as one likes), and
// trailers are bounded. One thread.
#pragma once

#include <llhttp.h>

#include <string_view>

#include "dataplane/core/bytes.h"
#include "dataplane/core/limits.h"
#include "dataplane/http/field_reader.h"
#include "dataplane/http/message.h"

namespace sluice::http {

class ChunkedBody {
 public:
  enum class Result : uint8_t {
    kMore,
    kDone,      // the body and its trailers are whole
    kBad,       // not chunks
    kTooLarge,  // trailers over the limits
    kStopped,   // by the sink
  };
  // Takes a piece of the body; false: stop.
  using Sink = bool (*)(void* self, core::Bytes data);

  ChunkedBody(const core::Limits& limits, Sink sink, void* self)
      : limits_(limits), fields_(limits), sink_(sink), self_(self) {}
  ChunkedBody(const ChunkedBody&) = delete;
  ChunkedBody& operator=(const ChunkedBody&) = delete;

  // Trailers go to `trailers`, which must outlive the body or DropTrailers.
  void Begin(HeaderList& trailers);
  void DropTrailers() { trailers_ = nullptr; }
  // Sets `taken` to what belongs to the body.
  Result Read(std::string_view text, size_t& taken);
  // Bytes that the chunk under way still holds.
  uint64_t left_in_chunk() const { return parser_.content_length; }

 private:
  static ChunkedBody& Of(llhttp_t* parser) { return *static_cast<ChunkedBody*>(parser->data); }
  static int OnChunk(llhttp_t* parser);
  static int OnData(llhttp_t* parser, const char* at, size_t size);
  static int OnExtension(llhttp_t* parser, const char* at, size_t size);
  static int OnName(llhttp_t* parser, const char* at, size_t size);
  static int OnValue(llhttp_t* parser, const char* at, size_t size);
  static int OnValueEnd(llhttp_t* parser);
  static int OnEnd(llhttp_t*) { return HPE_PAUSED; }
  static const llhttp_settings_t kCallbacks;
  int Fail(Result why) {
    failed_ = why;
    return HPE_USER;
  }

  const core::Limits& limits_;
  llhttp_t parser_ = {};
  FieldReader fields_;
  HeaderList* trailers_ = nullptr;  // null: dropped
  const Sink sink_;
  void* const self_;
  // Bytes of framing that are due to the chunks so far, beside their extensions.
  static constexpr size_t kFramingBytes = 4 * 1024;
  static constexpr size_t kFramingBytesAChunk = 24;
  bool IsTooMuchFraming(uint64_t read) const {
    return !in_trailers_ && read - data_bytes_ > framing_allowed_;
  }

  const char* text_ = nullptr;  // of the Read that we are in
  uint64_t read_bytes_ = 0;     // before it
  uint64_t data_bytes_ = 0;
  uint64_t framing_allowed_ = 0;
  bool in_trailers_ = false;
  size_t extension_bytes_ = 0;
  Result failed_ = Result::kBad;
};

}  // namespace sluice::http
