// One end of an HTTP/2 connection (RFC 9113), the same for both codecs: libnghttp2's session, the
// guard in front of it, the way of its output to the transport, and the bounds on what the peer may
// cost us: buckets of resets, of control frames and of DATA that carries next to nothing, whose end
// is GOAWAY(ENHANCE_YOUR_CALM).
// One thread. What the frames mean is the codec's business, by the callbacks it gives.
#pragma once

#include <nghttp2/nghttp2.h>

#include <span>

#include "dataplane/core/event_loop.h"
#include "dataplane/core/limits.h"
#include "dataplane/http/codec.h"
#include "dataplane/http/h2_frame_guard.h"
#include "dataplane/http/rate_bucket.h"

namespace sluice::http {

class H2Session {
 public:
  struct Parts {
    Transport& transport;
    const core::Limits& limits;
    core::EventLoop& loop;
  };

  // `callbacks` get `codec` as their user. `peer_streams`: how many streams we open before the peer
  // has said how many it takes; towards a backend only. REQUIRES: what `parts` names outlives this.
  H2Session(H2FrameGuard::Peer peer, const Parts& parts, const nghttp2_session_callbacks* callbacks,
            void* codec, uint32_t peer_streams = 0);
  H2Session(const H2Session&) = delete;
  H2Session& operator=(const H2Session&) = delete;
  ~H2Session() { nghttp2_session_del(session_); }

  // Says who we are; to be flushed.
  void Start(std::span<const nghttp2_settings_entry> settings);

  nghttp2_session* get() const { return session_; }

  // Bytes of the peer. kProtocolError or kAbuse: the connection is over, though not flushed.
  core::FaultCode Receive(Bytes bytes);
  // Writes what there is while the transport takes it. Nothing from within the session.
  void Flush();
  bool inside() const { return inside_; }
  // What is written now leaves at once.
  bool may_write() const { return !inside_ && !is_full(); }
  bool is_full() const { return parts_.transport.unsent() > parts_.limits.high_watermark_bytes; }
  // The session has said and heard all that it will.
  bool over() const {
    return !nghttp2_session_want_read(session_) && !nghttp2_session_want_write(session_);
  }

  // The next Flush goes on until the head of stream `id` has left: its text is the caller's.
  void Pin(int32_t id) { pinned_ = id; }
  void Unpin(int32_t id) {
    if (pinned_ == id) pinned_ = 0;
  }
  bool pinned() const { return pinned_ != 0; }

  Transport& transport() const { return parts_.transport; }

  // Both windows of stream `id` open by `bytes` that were taken.
  void Consume(int32_t id, size_t bytes) { nghttp2_session_consume(session_, id, bytes); }
  void Reset(int32_t id, uint32_t error) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, error);
  }
  // A window of the peer's is shut: it, not the connection, holds stream `id` back.
  bool IsHeld(int32_t id) const;

  // To be called for each frame that begins, for each that was sent, and for each reset that the
  // peer caused.
  void CountFrame(const nghttp2_frame_hd& header);
  void CountSent(const nghttp2_frame_hd& header) {
    // A PING for each of our frames is fair: so do peers that measure the path's bandwidth.
    if (header.type == NGHTTP2_DATA || header.type == NGHTTP2_HEADERS) control_allowed_.Give();
  }
  void CountReset();
  void Abuse();
  bool abused() const { return abused_; }

 private:
  bool Overflows(const H2FrameGuard::LargeUpdate& update);

  const Parts parts_;
  nghttp2_session* session_ = nullptr;
  H2FrameGuard guard_;
  RateBucket resets_allowed_;
  RateBucket control_allowed_;  // PING, SETTINGS, PRIORITY, unknown
  RateBucket empty_allowed_;    // DATA that carries nothing
  RateBucket small_allowed_;    // DATA that carries next to nothing
  int32_t pinned_ = 0;
  bool inside_ = false;  // libnghttp2 must not be entered again
  bool abused_ = false;
};

}  // namespace sluice::http
