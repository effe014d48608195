// A non-blocking stream socket in a worker's loop. One thread.
// Reads are edge-triggered into the worker's scratch buffer, so an idle connection holds no memory
// for them. Writes are gathered and leave once, at the end of the turn; bulk goes straight from
// the caller's bytes to the kernel. Nothing here knows TLS or HTTP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/core/buffer_pool.h"
#include "dataplane/core/byte_queue.h"
#include "dataplane/core/bytes.h"
#include "dataplane/core/event_loop.h"
#include "dataplane/core/fd.h"

namespace sluice::core {

// What all sockets of a worker share.
struct IoContext {
  EventLoop& loop;
  BufferPool& buffers;
  std::span<uint8_t> scratch;  // 64 kB; filled by one read, used up before the next
};

// What a socket tells its connection. The connection may close the socket in any of them.
class SocketOwner {
 public:
  virtual void OnConnected() = 0;  // only after a connect
  virtual void OnBytes(Bytes bytes) = 0;
  virtual void OnEof() = 0;  // at most once; writing may go on
  // The end of a turn is about to flush: the last chance to add bytes to out().
  virtual void OnBeforeFlush() = 0;
  // Everything that was written has been taken by the kernel.
  virtual void OnFlushed() = 0;
  virtual void OnLost(int error) = 0;  // errno; at most once, then nothing more
  // The peer has reset the connection while reading is paused: what it sent before is still to be
  // read, but it takes nothing more.
  virtual void OnResetWhilePaused() {}

 protected:
  ~SocketOwner() = default;
};

class Socket {
 public:
  Socket(IoContext& io, SocketOwner& owner);
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { Close(); }

  // Takes a connected (or, with `connecting`, a connecting) non-blocking descriptor. False: epoll
  // has refused it.
  [[nodiscard]] bool Open(Fd fd, bool connecting);
  bool open() const { return fd_.valid(); }
  int fd() const { return fd_.get(); }

  // Takes all of it, now or at the end of the turn.
  void Write(Bytes bytes);
  // Bytes that others put in here leave at the end of the turn as well, after ScheduleFlush.
  ByteQueue& out() { return out_; }
  void ScheduleFlush();
  size_t unsent() const { return out_.size(); }
  bool broken() const { return broken_; }  // the peer takes nothing more

  // Stops reading; bytes stay in the kernel until it is resumed.
  void PauseReading(bool paused);
  bool reading_paused() const { return paused_; }

  // Half-close once everything is sent.
  void ShutdownAfterFlush();
  // At once; what is unsent is lost. No callback follows.
  void Close();
  // The same, and the peer is told so by a reset.
  void Abort();

  uint64_t bytes_in() const { return bytes_in_; }
  uint64_t bytes_out() const { return bytes_out_; }
  // Of bytes_out(), what the peer has acknowledged. A system call: for deadlines, not for each
  // turn.
  uint64_t bytes_acknowledged() const;

 private:
  // Bytes from which on a write goes to the kernel directly rather than through the queue.
  static constexpr size_t kDirectBytes = 16 * 1024;
  static constexpr int kReadsPerTurn = 4;

  void OnReady(uint32_t events);
  void NoteReadable(uint32_t events);
  void FinishConnect(uint32_t events);
  void Read();
  void Flush();
  void SendQueue();
  void AbandonOutput();
  size_t SendDirect(Bytes bytes);
  void Lose(int error);

  IoContext& io_;
  SocketOwner& owner_;
  Fd fd_;
  Pollable pollable_;
  ByteQueue out_;
  Deferred flush_;
  Deferred read_;
  bool connecting_ = false;
  bool paused_ = false;
  bool readable_ = false;  // the kernel may hold bytes or a FIN that we have not seen
  bool hangup_ = false;  // a FIN was reported: read on until it comes, a short read is not the end
  bool eof_ = false;
  bool writable_ = true;
  bool shutdown_ = false;
  bool broken_ = false;  // a write failed for good
  uint64_t bytes_in_ = 0;
  uint64_t bytes_out_ = 0;
};

}  // namespace sluice::core
