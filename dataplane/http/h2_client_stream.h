// An exchange as H2ClientCodec sees it; the codec's own, for its two source files. One thread.
#pragma once

#include "dataplane/http/h2_body.h"
#include "dataplane/http/h2_client.h"
#include "dataplane/http/h2_response.h"

namespace sluice::http {

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

}  // namespace sluice::http
