#include "dataplane/http/h2_frame_guard.h"

#include <algorithm>
#include <cstring>

namespace sluice::http {
namespace {

constexpr uint8_t kPriorityBytes = 5;

uint32_t Read32(const uint8_t* at) {
  return static_cast<uint32_t>(at[0]) << 24 | static_cast<uint32_t>(at[1]) << 16 |
         static_cast<uint32_t>(at[2]) << 8 | at[3];
}

bool Has(uint8_t flags, nghttp2_flag flag) { return (flags & flag) != 0; }

}  // namespace

size_t H2FrameGuard::Check(core::Bytes bytes) {
  if (error_ != NGHTTP2_NO_ERROR) return 0;
  large_update_ = {};
  size_t frame_at = 0;  // where the frame under way begins, if that is here
  size_t at = std::min(preface_left_, bytes.size());
  preface_left_ -= at;
  while (at < bytes.size()) {
    const size_t skipped = std::min(skip_, bytes.size() - at);
    skip_ -= skipped;
    at += skipped;
    if (have_ == 0) frame_at = at;
    const size_t copied = std::min<size_t>(want_ - have_, bytes.size() - at);
    std::memcpy(head_.data() + have_, bytes.data() + at, copied);
    have_ += static_cast<uint8_t>(copied);
    if (have_ < want_) return bytes.size();
    const size_t begin = at;
    at += copied;
    if (want_ == kHeaderBytes) {
      frame_ = {Read32(head_.data()) >> 8, head_[3], head_[4], Read32(&head_[5]) & 0x7fffffff};
      error_ = CheckHeader(frame_);
    } else if (frame_.type == NGHTTP2_WINDOW_UPDATE) {
      if (IsLargeUpdate(at - frame_at)) return frame_at;
    } else {
      error_ = CheckPriority();
    }
    if (error_ != NGHTTP2_NO_ERROR) return begin;
    if (have_ < want_) continue;  // the first bytes of the payload are wanted as well
    skip_ = frame_.length - (have_ - kHeaderBytes);
    have_ = 0;
    want_ = kHeaderBytes;
  }
  return at;
}

uint32_t H2FrameGuard::CheckHeader(const Frame& frame) {
  switch (frame.type) {
    case NGHTTP2_HEADERS:
      return CheckHeaders(frame);
    case NGHTTP2_DATA:
      if (!InWindow(frame.id)) return NGHTTP2_NO_ERROR;
      if (ended_[BitOf(frame.id)] || !opened_[BitOf(frame.id)]) return NGHTTP2_STREAM_CLOSED;
      if (Has(frame.flags, NGHTTP2_FLAG_END_STREAM)) ended_.set(BitOf(frame.id));
      return NGHTTP2_NO_ERROR;
    case NGHTTP2_RST_STREAM:
      if (InWindow(frame.id) && opened_[BitOf(frame.id)]) ended_.set(BitOf(frame.id));
      return NGHTTP2_NO_ERROR;
    case NGHTTP2_WINDOW_UPDATE:
      if (frame.id != 0 && frame.length == 4) want_ = kUpdateBytes;
      return NGHTTP2_NO_ERROR;
    case NGHTTP2_PRIORITY:
      if (frame.id == 0) return NGHTTP2_PROTOCOL_ERROR;
      if (frame.length != kPriorityBytes) return NGHTTP2_FRAME_SIZE_ERROR;
      want_ = kHeaderBytes + 4;
      return NGHTTP2_NO_ERROR;
    default:
      return NGHTTP2_NO_ERROR;
  }
}

uint32_t H2FrameGuard::CheckHeaders(const Frame& frame) {
  if (frame.id % 2 == 0) return NGHTTP2_NO_ERROR;  // libnghttp2 says no
  if (frame.id > highest_) {
    Open(frame.id);
  } else if (InWindow(frame.id)) {
    if (peer_ == Peer::kBackend) opened_.set(BitOf(frame.id));
    if (!opened_[BitOf(frame.id)]) return NGHTTP2_PROTOCOL_ERROR;
    if (ended_[BitOf(frame.id)]) return NGHTTP2_STREAM_CLOSED;
  }
  if (InWindow(frame.id) && Has(frame.flags, NGHTTP2_FLAG_END_STREAM)) {
    ended_.set(BitOf(frame.id));
  }
  if (Has(frame.flags, NGHTTP2_FLAG_PRIORITY)) {
    const auto wanted = static_cast<uint8_t>(Has(frame.flags, NGHTTP2_FLAG_PADDED) ? 5 : 4);
    if (frame.length >= wanted) want_ = kHeaderBytes + wanted;
  }
  return NGHTTP2_NO_ERROR;
}

uint32_t H2FrameGuard::CheckPriority() {
  const uint32_t dependency = Read32(&head_[want_ - 4u]) & 0x7fffffff;
  return dependency == frame_.id ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_NO_ERROR;
}

// One that came in pieces has gone on already; libnghttp2 judges it in its way.
bool H2FrameGuard::IsLargeUpdate(size_t frame_bytes_here) {
  constexpr uint32_t kLarge = 1u << 30;
  const uint32_t increment = Read32(&head_[kHeaderBytes]) & 0x7fffffff;
  if (increment < kLarge || frame_bytes_here != kUpdateBytes) return false;
  large_update_ = {frame_.id, increment};
  have_ = 0;
  want_ = kHeaderBytes;
  return true;
}

// The ids that were passed over can no longer be used (RFC 9113 5.1.1), but by a backend, which
// answers in any order.
void H2FrameGuard::Open(uint32_t id) {
  const uint32_t first = highest_ == 0 ? 1 : highest_ + 2;
  if ((id - first) / 2 >= kWindow) {
    opened_.reset();
    ended_.reset();
  } else {
    for (uint32_t passed = first; passed <= id; passed += 2) {
      opened_.reset(BitOf(passed));
      ended_.reset(BitOf(passed));
    }
  }
  highest_ = id;
  opened_.set(BitOf(id));
}

bool H2FrameGuard::InWindow(uint32_t id) const {
  return id % 2 == 1 && id <= highest_ && highest_ - id < 2 * kWindow;
}

}  // namespace sluice::http
