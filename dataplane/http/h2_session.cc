#include "dataplane/http/h2_session.h"

#include <limits>

#include "absl/log/check.h"

namespace sluice::http {
namespace {

using core::FaultCode;

// Less data than this in a frame is not worth the frame. The header of a gRPC message is larger.
constexpr size_t kSmallFrameBytes = 5;
// What we may have to say in one header block: what we take, and the fields that we add.
constexpr size_t kMostSentHeaderBytes = 256 * 1024;

class Options {
 public:
  explicit Options(uint32_t peer_streams) {
    CHECK_EQ(nghttp2_option_new(&options_), 0);
    nghttp2_option_set_no_auto_window_update(options_, 1);
    // Behind our own bucket, which also counts the resets that we are made to send.
    nghttp2_option_set_stream_reset_rate_limit(options_, 2000, 100);
    nghttp2_option_set_glitch_rate_limit(options_, 1000, 100);
    nghttp2_option_set_max_outbound_ack(options_, 1000);
    nghttp2_option_set_max_continuations(options_, 8);
    nghttp2_option_set_max_send_header_block_length(options_, kMostSentHeaderBytes);
    if (peer_streams != 0) {
      nghttp2_option_set_peer_max_concurrent_streams(options_, peer_streams);
    }
  }
  Options(const Options&) = delete;
  Options& operator=(const Options&) = delete;
  ~Options() { nghttp2_option_del(options_); }

  const nghttp2_option* get() const { return options_; }

 private:
  nghttp2_option* options_ = nullptr;
};

}  // namespace

H2Session::H2Session(H2FrameGuard::Peer peer, const Parts& parts,
                     const nghttp2_session_callbacks* callbacks, void* codec, uint32_t peer_streams)
    : parts_(parts),
      guard_(peer),
      resets_allowed_(900, 33, parts.loop.now_ms()),
      control_allowed_(10'000, 330, parts.loop.now_ms()),
      empty_allowed_(100, 10, parts.loop.now_ms()),
      small_allowed_(10'000, 1'000, parts.loop.now_ms()) {
  const Options options(peer_streams);
  const bool server = peer == H2FrameGuard::Peer::kClient;
  const auto make = server ? nghttp2_session_server_new2 : nghttp2_session_client_new2;
  CHECK_EQ(make(&session_, callbacks, codec, options.get()), 0);
}

void H2Session::Start(std::span<const nghttp2_settings_entry> settings) {
  CHECK_EQ(nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size()),
           0);
  CHECK_EQ(nghttp2_session_set_local_window_size(
               session_, NGHTTP2_FLAG_NONE, 0,
               static_cast<int32_t>(parts_.limits.h2_connection_window_bytes)),
           0);
}

FaultCode H2Session::Receive(Bytes bytes) {
  inside_ = true;
  nghttp2_ssize taken = 0;
  while (taken >= 0 && !bytes.empty()) {
    const Bytes good = bytes.first(guard_.Check(bytes));
    taken = nghttp2_session_mem_recv2(session_, good.data(), good.size());
    if (guard_.error() != NGHTTP2_NO_ERROR) {
      nghttp2_session_terminate_session(session_, guard_.error());
    }
    bytes = bytes.subspan(good.size());
    if (guard_.large_update().id == 0 || taken < 0) break;
    const Bytes update = bytes.first(H2FrameGuard::kUpdateBytes);
    bytes = bytes.subspan(update.size());
    if (!Overflows(guard_.large_update())) {
      taken = nghttp2_session_mem_recv2(session_, update.data(), update.size());
    }
  }
  inside_ = false;
  if (taken >= 0) return FaultCode::kNone;
  return taken == NGHTTP2_ERR_FLOODED ? FaultCode::kAbuse : FaultCode::kProtocolError;
}

// A window beyond 2^31-1 is the stream's error.
bool H2Session::Overflows(const H2FrameGuard::LargeUpdate& update) {
  const auto id = static_cast<int32_t>(update.id);
  const int64_t window = nghttp2_session_get_stream_remote_window_size(session_, id);
  if (nghttp2_session_find_stream(session_, id) == nullptr ||
      window + update.increment <= std::numeric_limits<int32_t>::max()) {
    return false;
  }
  Reset(id, NGHTTP2_FLOW_CONTROL_ERROR);
  return true;
}

void H2Session::Flush() {
  if (inside_) return;
  inside_ = true;
  while (!is_full() || pinned()) {
    const uint8_t* data;
    const nghttp2_ssize size = nghttp2_session_mem_send2(session_, &data);
    CHECK_GE(size, 0) << "libnghttp2 is out of memory";
    if (size == 0) break;
    parts_.transport.Write({data, static_cast<size_t>(size)});
  }
  pinned_ = 0;
  inside_ = false;
}

bool H2Session::IsHeld(int32_t id) const {
  return nghttp2_session_get_stream_remote_window_size(session_, id) <= 0 ||
         nghttp2_session_get_remote_window_size(session_) <= 0;
}

void H2Session::CountFrame(const nghttp2_frame_hd& header) {
  const uint64_t now_ms = parts_.loop.now_ms();
  switch (header.type) {
    case NGHTTP2_DATA:
      // Padding would hide how little there is; nobody who pads sends thousands of frames.
      if ((header.length >= kSmallFrameBytes && (header.flags & NGHTTP2_FLAG_PADDED) == 0) ||
          (header.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
        return;
      }
      if (!(header.length == 0 ? empty_allowed_ : small_allowed_).Take(now_ms)) Abuse();
      return;
    case NGHTTP2_HEADERS:
    case NGHTTP2_CONTINUATION:
    case NGHTTP2_RST_STREAM:
    case NGHTTP2_WINDOW_UPDATE:
      return;  // bounded elsewhere, or the fate of a fast transfer
    default:
      if (!control_allowed_.Take(now_ms)) Abuse();
  }
}

void H2Session::CountReset() {
  if (!resets_allowed_.Take(parts_.loop.now_ms())) Abuse();
}

void H2Session::Abuse() {
  abused_ = true;
  nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
}

}  // namespace sluice::http
