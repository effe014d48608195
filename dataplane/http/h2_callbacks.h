// libnghttp2's callbacks, each handed to the member function of the codec that is their user. The
// codec befriends H2Callbacks<itself>. One thread.
#pragma once

#include <nghttp2/nghttp2.h>

#include "absl/log/check.h"
#include "dataplane/http/h2_body.h"
#include "dataplane/http/h2_session.h"

namespace sluice::http {

template <typename Codec>
struct H2Callbacks {
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
      nghttp2_session_callbacks_set_send_data_callback(made, H2Body::OnSend);
      return made;
    }();
    return table;
  }

 private:
  static Codec& Self(void* user) { return *static_cast<Codec*>(user); }

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
  // Not ignored, as is the default: the other side might read it otherwise.
  static int InvalidHeader(nghttp2_session*, const nghttp2_frame*, nghttp2_rcbuf*, nghttp2_rcbuf*,
                           uint8_t, void*) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  static int Frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Self(user).OnFrame(*frame);
    return 0;
  }
  static int InvalidFrame(nghttp2_session*, const nghttp2_frame*, int, void* user) {
    Self(user).OnInvalidFrame();
    return 0;
  }
  static int DataChunk(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size,
                       void* user) {
    Self(user).OnDataChunk(id, {data, size});
    return 0;
  }
  static int FrameSent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Self(user).session_.CountSent(frame->hd);
    Self(user).OnFrameSent(*frame);
    return 0;
  }
  static int FrameNotSent(nghttp2_session*, const nghttp2_frame* frame, int error, void* user) {
    Self(user).session_.Unpin(frame->hd.stream_id);
    Self(user).OnFrameNotSent(*frame, error);
    return 0;
  }
  static int StreamClose(nghttp2_session*, int32_t id, uint32_t error_code, void* user) {
    Self(user).OnStreamClose(id, error_code);
    return 0;
  }
};

}  // namespace sluice::http
