// A request and its response as H2ServerCodec sees them; the codec's own, for its two source files.
// One thread.
#pragma once

#include "dataplane/http/h2_body.h"
#include "dataplane/http/h2_request.h"
#include "dataplane/http/h2_server.h"

namespace sluice::http {

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

// The PING behind the notice of a GOAWAY: whoever answers it has seen the notice.
inline constexpr uint8_t kDrainPing[8] = {'d', 'r', 'a', 'i', 'n', 0, 0, 0};

// What the client is told of a response that ends by `fault`.
uint32_t H2ErrorOf(core::Fault fault);

}  // namespace sluice::http
