// Blocking peers on loopback for tests of the whole request path: a scripted backend, a plain
// client, and a fleet of workers between them. Every read has a deadline, so a hang is a failure.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "dataplane/core/address.h"
#include "dataplane/core/fd.h"

namespace sluice::worker {

inline core::Fd Listen() {
  core::Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  listen(fd.get(), 128);
  return fd;
}

inline uint16_t PortOf(const core::Fd& fd) { return core::Address::OfLocal(fd.get())->port(); }

// One end of a connection. All calls block, reads at most 5 s.
class Peer {
 public:
  explicit Peer(core::Fd fd) : fd_(std::move(fd)) {
    const int on = 1;
    setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  static Peer Connect(uint16_t port) {
    core::Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    auto to = core::Address::Parse("127.0.0.1", port);
    if (connect(fd.get(), to->get(), to->size()) != 0) fd.Reset();
    return Peer(std::move(fd));
  }

  bool Send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      text.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }
  void HalfClose() { shutdown(fd_.get(), SHUT_WR); }
  void Close() { fd_.Reset(); }
  // Closes so that the other side sees a reset.
  void Abort() {
    const linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    fd_.Reset();
  }
  // How many bytes the kernel keeps for us; before any is read.
  void SetReceiveBuffer(int bytes) {
    setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }
  int fd() const { return fd_.get(); }

  // False: the end, an error, or 5 s without a byte.
  bool Fill() {
    pollfd ready = {.fd = fd_.get(), .events = POLLIN, .revents = 0};
    if (poll(&ready, 1, 5000) != 1) {
      timed_out_ = true;
      return false;
    }
    char bytes[64 * 1024];
    const ssize_t n = recv(fd_.get(), bytes, sizeof bytes, 0);
    if (n <= 0) return false;
    buffer_.append(bytes, static_cast<size_t>(n));
    return true;
  }
  // Up to and including `end`; what there is if it never comes.
  std::string ReadUntil(std::string_view end) {
    size_t at;
    while ((at = buffer_.find(end)) == std::string::npos) {
      if (!Fill()) return Take(buffer_.size());
    }
    return Take(at + end.size());
  }
  std::string ReadBytes(size_t n) {
    while (buffer_.size() < n && Fill()) {
    }
    return Take(std::min(n, buffer_.size()));
  }
  // What comes next, however little; empty at the end.
  std::string ReadSome() {
    if (buffer_.empty()) Fill();
    return Take(buffer_.size());
  }
  std::string ReadAll() {
    while (Fill()) {
    }
    return Take(buffer_.size());
  }
  // A head, and the body that its Content-Length announces.
  std::string ReadMessage() {
    std::string head = ReadUntil("\r\n\r\n");
    uint64_t length = 0;
    const std::string lower = absl::AsciiStrToLower(head);
    const size_t at = lower.find("content-length: ");
    if (at != std::string::npos) {
      const size_t end = lower.find('\r', at);
      (void)absl::SimpleAtoi(lower.substr(at + 16, end - at - 16), &length);
    }
    return head + ReadBytes(length);
  }
  // The other side has closed and sent nothing more.
  bool AtEnd() { return buffer_.empty() && !Fill() && !timed_out_; }
  bool timed_out() const { return timed_out_; }

 private:
  std::string Take(size_t n) {
    std::string taken = buffer_.substr(0, n);
    buffer_.erase(0, n);
    return taken;
  }

  core::Fd fd_;
  std::string buffer_;
  bool timed_out_ = false;
};

// Accepts connections and gives each a thread that runs `serve`. Joined on destruction, after the
// connections have been cut.
class Backend {
 public:
  explicit Backend(std::function<void(Peer&)> serve) : serve_(std::move(serve)), fd_(Listen()) {
    port_ = PortOf(fd_);
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~Backend() {
    stopping_ = true;
    shutdown(fd_.get(), SHUT_RDWR);
    acceptor_.join();
    {
      std::lock_guard lock(mutex_);
      for (int fd : fds_) shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
  }
  // Answers every request with what it saw of it.
  static void Echo(Peer& peer) {
    for (;;) {
      const std::string request = peer.ReadMessage();
      if (request.empty()) return;
      if (!peer.Send(absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", request.size(), "\r\n\r\n",
                                  request))) {
        return;
      }
    }
  }

  uint16_t port() const { return port_; }
  int connections() const { return connections_; }

 private:
  void Accept() {
    for (;;) {
      core::Fd fd(accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!fd.valid() || stopping_) return;
      ++connections_;
      std::lock_guard lock(mutex_);
      fds_.push_back(fd.get());
      auto peer = std::make_shared<Peer>(std::move(fd));
      threads_.emplace_back([this, peer] {
        serve_(*peer);
        std::lock_guard guard(mutex_);
        fds_.remove(peer->fd());
        peer->Close();
      });
    }
  }

  std::function<void(Peer&)> serve_;
  core::Fd fd_;
  uint16_t port_;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> connections_ = 0;
  std::mutex mutex_;
  std::list<int> fds_;  // guarded by mutex_
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace sluice::worker
