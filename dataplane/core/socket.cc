#include "dataplane/core/socket.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace sluice::core {

Socket::Socket(IoContext& io, SocketOwner& owner)
    : io_(io),
      owner_(owner),
      pollable_{[](void* self, uint32_t events) { static_cast<Socket*>(self)->OnReady(events); },
                this},
      out_(io.buffers),
      flush_([](void* self) { static_cast<Socket*>(self)->Flush(); }, this),
      read_([](void* self) { static_cast<Socket*>(self)->Read(); }, this) {}

bool Socket::Open(Fd fd, bool connecting) {
  connecting_ = connecting;
  writable_ = !connecting;
  fd_ = std::move(fd);
  if (io_.loop.AddEdge(fd_.get(), pollable_)) return true;
  fd_.Reset();
  return false;
}

void Socket::Close() {
  flush_.Unlink();
  read_.Unlink();
  if (fd_.valid()) io_.loop.Remove(fd_.get(), pollable_);
  fd_.Reset();
  out_.Clear();
}

void Socket::Abort() {
  const linger at_once = {.l_onoff = 1, .l_linger = 0};
  if (fd_.valid()) setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  Close();
}

void Socket::OnReady(uint32_t events) {
  if (connecting_) return FinishConnect(events);
  NoteReadable(events);
  if ((events & EPOLLOUT) && !writable_) {
    writable_ = true;
    Flush();
  }
  if ((events & EPOLLERR) && paused_ && fd_.valid()) owner_.OnResetWhilePaused();
  if (readable_ && fd_.valid()) Read();
}

void Socket::NoteReadable(uint32_t events) {
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) readable_ = true;
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) hangup_ = true;
}

// What came with the handshake has no edge of its own any more.
void Socket::FinishConnect(uint32_t events) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return Lose(error);
  connecting_ = false;
  writable_ = true;
  NoteReadable(events);
  owner_.OnConnected();
  ScheduleFlush();
  if (readable_ && fd_.valid()) io_.loop.Defer(read_);
}

// Reads at most once per event when the read was short: unless the peer is gone, a short read has
// emptied the socket and the next byte raises a new edge.
void Socket::Read() {
  // Neither direction goes on, and no event will say so again.
  if (broken_ && eof_ && fd_.valid()) return Lose(EPIPE);
  for (int i = 0; readable_ && !paused_ && !eof_; ++i) {
    if (i == kReadsPerTurn) return io_.loop.Defer(read_);
    const ssize_t n = recv(fd_.get(), io_.scratch.data(), io_.scratch.size(), 0);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) return Lose(errno);
      readable_ = false;
      return;
    }
    if (n == 0) {
      readable_ = false;
      eof_ = true;
      return owner_.OnEof();
    }
    bytes_in_ += static_cast<uint64_t>(n);
    if (static_cast<size_t>(n) < io_.scratch.size() && !hangup_) readable_ = false;
    owner_.OnBytes(io_.scratch.first(static_cast<size_t>(n)));
    if (!fd_.valid()) return;
  }
}

void Socket::PauseReading(bool paused) {
  if (paused_ == paused || broken_) return;
  paused_ = paused;
  if (!paused && readable_ && fd_.valid()) io_.loop.Defer(read_);
}

void Socket::Write(Bytes bytes) {
  if (!fd_.valid() || broken_ || bytes.empty()) return;
  if (bytes.size() >= kDirectBytes && writable_) {
    // Bulk: what is queued and the bytes themselves in one call, without copying the latter.
    bytes = bytes.subspan(SendDirect(bytes));
    if (!fd_.valid()) return;
  }
  out_.Append(bytes);
  ScheduleFlush();
}

void Socket::ScheduleFlush() {
  if (fd_.valid() && writable_) io_.loop.Defer(flush_);
}

size_t Socket::SendDirect(Bytes bytes) {
  std::array<iovec, 17> parts;
  const size_t queued = out_.size();
  int count = out_.Gather({parts.data(), parts.size() - 1});
  size_t gathered = 0;
  for (int i = 0; i < count; ++i) gathered += parts[i].iov_len;
  if (gathered != queued) return 0;  // more queued than fits into one call
  parts[count++] = {const_cast<uint8_t*>(bytes.data()), bytes.size()};
  msghdr message = {.msg_iov = parts.data(), .msg_iovlen = static_cast<size_t>(count)};
  const ssize_t n = sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
  if (n < 0) {
    if (errno == EAGAIN) writable_ = false;
    return 0;  // any other error shows again at the flush, outside of the caller's stack
  }
  const auto sent = static_cast<size_t>(n);
  bytes_out_ += sent;
  if (sent < queued + bytes.size()) writable_ = false;
  out_.Consume(std::min(sent, queued));
  return sent > queued ? sent - queued : 0;
}

void Socket::Flush() {
  if (!fd_.valid() || connecting_) return;
  owner_.OnBeforeFlush();
  if (!fd_.valid()) return;
  if (writable_) SendQueue();
  if (!out_.empty() || broken_) return;
  if (shutdown_) ::shutdown(fd_.get(), SHUT_WR);
  owner_.OnFlushed();
}

void Socket::SendQueue() {
  while (!out_.empty()) {
    std::array<iovec, 16> parts;
    const int count = out_.Gather(parts);
    size_t wanted = 0;
    for (int i = 0; i < count; ++i) wanted += parts[i].iov_len;
    msghdr message = {.msg_iov = parts.data(), .msg_iovlen = static_cast<size_t>(count)};
    const ssize_t n = count == 1 ? send(fd_.get(), parts[0].iov_base, wanted, MSG_NOSIGNAL)
                                 : sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EINTR) continue;
      writable_ = false;
      if (errno != EAGAIN) AbandonOutput();
      return;
    }
    bytes_out_ += static_cast<uint64_t>(n);
    out_.Consume(static_cast<size_t>(n));
    if (static_cast<size_t>(n) < wanted) {
      writable_ = false;
      return;
    }
  }
}

// The peer takes no more. What it sent before may still wait in the kernel (an early response, an
// alert), so read on; the end of that is what the owner hears of.
void Socket::AbandonOutput() {
  out_.Clear();
  broken_ = true;
  paused_ = false;
  readable_ = hangup_ = true;
  io_.loop.Defer(read_);
}

void Socket::ShutdownAfterFlush() {
  if (shutdown_) return;
  shutdown_ = true;
  ScheduleFlush();
}

uint64_t Socket::bytes_acknowledged() const {
  tcp_info info = {};
  socklen_t size = sizeof info;
  if (getsockopt(fd_.get(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return bytes_out_;
  return info.tcpi_bytes_acked;
}

void Socket::Lose(int error) {
  Close();
  owner_.OnLost(error);
}

}  // namespace sluice::core
