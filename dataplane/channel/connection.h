// Frames with descriptors on a non-blocking Unix stream socket (channel.proto).
// One thread. Never blocks; whoever owns the loop calls Flush and Receive when the socket is ready.
// Invariants: a frame is at most kMaxFrameBytes, and memory grows with the bytes that came, not
// with what a header claims; every descriptor that arrives is owned at once, so none can leak;
// bytes of frames are wiped once they were sent or parsed.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/channel/channel.pb.h"
#include "dataplane/channel/wiped_buffer.h"
#include "dataplane/core/fd.h"

namespace sluice::channel {

inline constexpr uint32_t kWireVersion = 1;

// Overwrites the private keys and other secrets in `message`.
void WipeKeys(Message& message);

// A message that came, with its descriptors; its keys are wiped when it goes.
struct Received {
  Message message;
  std::vector<core::Fd> fds;  // as many as message.sockets() names

  Received() = default;
  Received(Received&&) = default;
  Received& operator=(Received&&) = default;
  ~Received() { WipeKeys(message); }
};

class Connection {
 public:
  static constexpr size_t kMaxFrameBytes = size_t{64} << 20;
  static constexpr size_t kMaxFds = 250;  // of a frame; SCM_MAX_FD is 253

  // REQUIRES: `socket` is non-blocking.
  explicit Connection(core::Fd socket) : socket_(std::move(socket)) {}

  int fd() const { return socket_.get(); }

  // Queues a frame. The descriptors are duplicated, so the caller may close his.
  absl::Status Send(const Message& message, std::span<const int> fds = {});
  // Writes until the queue is empty or the socket is full. An error ends the connection.
  absl::Status Flush();
  bool flushed() const { return queue_.empty(); }

  // The next whole frame, reading as needed; nullopt: nothing more for now. Unavailable: the peer
  // closed between frames. Any error ends the connection.
  absl::StatusOr<std::optional<Received>> Receive();

 private:
  struct Outgoing {
    WipedBuffer bytes;
    std::vector<core::Fd> fds;  // sent with the first byte
  };

  absl::StatusOr<size_t> Write(Outgoing& frame);
  absl::StatusOr<size_t> Read();
  absl::StatusOr<std::optional<Received>> TakeFrame();

  core::Fd socket_;
  std::deque<Outgoing> queue_;
  WipedBuffer incoming_;
  std::vector<core::Fd> incoming_fds_;  // not yet claimed by a frame
};

}  // namespace sluice::channel
