// Looks at the frame headers that go by to libnghttp2 and finds what that lets pass: frames on
// streams that the peer has ended, a client's ids that go back, streams that depend on themselves
// (RFC 9113 5.1, 5.1.1, 5.3.1, 6.3). Such a peer is broken or probing: each is a connection
// error. Frames that were under way when *we* reset a stream are not its business.
// It also points out window updates so large that they may overflow a stream's window, which is
// that stream's error (RFC 9113 6.9.1), where libnghttp2 would end the connection.
// Knows only what the peer has sent, so that it may run ahead of the session. One thread.
#pragma once

#include <nghttp2/nghttp2.h>

#include <array>
#include <bitset>
#include <cstdint>

#include "dataplane/core/bytes.h"

namespace sluice::http {

class H2FrameGuard {
 public:
  // A client opens streams, by ids that only go up, after a preface; a backend answers on ours.
  enum class Peer : uint8_t { kClient, kBackend };

  explicit H2FrameGuard(Peer peer)
      : peer_(peer), preface_left_(peer == Peer::kClient ? NGHTTP2_CLIENT_MAGIC_LEN : 0) {}

  static constexpr size_t kUpdateBytes = 13;  // a WINDOW_UPDATE frame
  struct LargeUpdate {
    uint32_t id = 0;  // 0: there is none
    uint32_t increment = 0;
  };

  // How many bytes may go on; all of them unless a frame is wrong, which `error` then says, or the
  // next frame is a large update. That is for the caller to judge; kUpdateBytes behind the bytes
  // that may go on, Check goes on as well. After an error nothing passes.
  size_t Check(core::Bytes bytes);
  const LargeUpdate& large_update() const { return large_update_; }
  // NGHTTP2_NO_ERROR while all is well.
  uint32_t error() const { return error_; }

 private:
  // Ids back from the highest whose state is remembered; older ones are libnghttp2's to judge.
  static constexpr uint32_t kWindow = 1024;
  static constexpr uint8_t kHeaderBytes = 9;  // RFC 9113 4.1

  struct Frame {
    uint32_t length;
    uint8_t type;
    uint8_t flags;
    uint32_t id;
  };

  uint32_t CheckHeader(const Frame& frame);
  uint32_t CheckHeaders(const Frame& frame);
  uint32_t CheckPriority();
  bool IsLargeUpdate(size_t frame_bytes_here);
  void Open(uint32_t id);
  bool InWindow(uint32_t id) const;
  static size_t BitOf(uint32_t id) { return id / 2 % kWindow; }

  const Peer peer_;
  size_t preface_left_;
  std::array<uint8_t, 14> head_ = {};  // a frame's header and, where they matter, its first bytes
  uint8_t have_ = 0;                   // of head_
  uint8_t want_ = kHeaderBytes;
  size_t skip_ = 0;  // of the payload
  Frame frame_ = {};
  LargeUpdate large_update_;
  uint32_t highest_ = 0;  // id that the peer has sent HEADERS on
  std::bitset<kWindow> opened_;
  std::bitset<kWindow> ended_;  // by the peer: END_STREAM or RST_STREAM
  uint32_t error_ = NGHTTP2_NO_ERROR;
};

}  // namespace sluice::http
