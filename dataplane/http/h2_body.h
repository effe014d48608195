// The body of a message on its way out, with its trailers: of one HTTP/2 stream. Bytes go straight
// from the sender's span to the transport while the windows allow, and wait in a queue when they do
// not; how much may wait is for the sender to heed (is_high). One thread.
#pragma once

#include <nghttp2/nghttp2.h>

#include <string>
#include <utility>
#include <vector>

#include "dataplane/core/byte_queue.h"
#include "dataplane/http/h2_session.h"
#include "dataplane/http/message.h"

namespace sluice::http {

class H2Body {
 public:
  H2Body(H2Session& session, core::BufferPool& buffers) : session_(session), queue_(buffers) {}

  // The stream's head has been given to libnghttp2: DATA may follow. What was sent before waits.
  void Open(int32_t id);
  // There is no body, or its rest is given up: nothing more is taken.
  void Close() { ended_ = true; }
  bool ended() const { return ended_; }

  // If `data` may leave without being queued, offers it to the session, and Flush writes it. True:
  // TakeRest says, after that flush, what is left of it. The flush may end the stream.
  bool Offer(Bytes data);
  Bytes TakeRest() { return std::exchange(direct_, {}); }
  // To be flushed at the turn's end.
  void Queue(Bytes data);
  void End(const HeaderList& trailers);

  // The sender waits above the high mark until the low mark.
  bool is_high() const { return queue_.size() > kHigh; }
  bool is_low() const { return queue_.size() <= kLow; }
  bool queued() const { return !queue_.empty(); }
  uint64_t written() const { return written_; }  // bytes given to the transport

  // libnghttp2's "send data" callback, for the codec's table.
  static int OnSend(nghttp2_session*, nghttp2_frame*, const uint8_t* header, size_t length,
                    nghttp2_data_source* source, void*);

 private:
  static constexpr size_t kHigh = 32 * 1024;
  static constexpr size_t kLow = 8 * 1024;
  // Less than this is queued until the turn's end: it may share a frame with the end of the stream.
  static constexpr size_t kSmallBytes = 2 * 1024;

  static nghttp2_ssize OnRead(nghttp2_session*, int32_t, uint8_t*, size_t length, uint32_t* flags,
                              nghttp2_data_source* source, void*);

  void Resume();
  nghttp2_ssize Read(size_t length, uint32_t& flags);
  int Write(Bytes frame_header, size_t length);
  void SubmitTrailers();

  H2Session& session_;
  int32_t id_ = 0;  // 0: not open
  core::ByteQueue queue_;
  Bytes direct_;  // behind the queue: the span of the Offer that we are in
  std::vector<std::pair<std::string, std::string>> trailers_;
  uint64_t written_ = 0;
  bool wanted_ = false;     // there was something to send before Open
  bool submitted_ = false;  // libnghttp2 knows of the body
  bool waits_ = false;      // libnghttp2 has asked for bytes and got none
  bool ended_ = false;
};

}  // namespace sluice::http
