// lab-echo NAME=ADDRESS:PORT...: one process that plays every pod of a lab. Each argument is a pod
// that listens on its own address and names itself in its answers. See response.h for what it does.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "echo/connection.h"

namespace sluice::lab {
namespace {

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "lab-echo: %s: %m\n", what.c_str());
  std::exit(EXIT_FAILURE);  // NOLINT(concurrency-mt-unsafe): one thread
}

// "10.244.0.7:80" or "[fd00::7]:80"
sockaddr_storage ParseAddress(std::string_view text, socklen_t& length) {
  sockaddr_storage storage{};
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) Fail("no port in " + std::string(text));
  std::string host(text.substr(0, colon));
  const uint16_t port =
      static_cast<uint16_t>(std::atoi(std::string(text.substr(colon + 1)).c_str()));
  if (host.starts_with('[')) {
    auto* in6 = reinterpret_cast<sockaddr_in6*>(&storage);
    *in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    host = host.substr(1, host.size() - 2);
    if (::inet_pton(AF_INET6, host.c_str(), &in6->sin6_addr) != 1) Fail("no address: " + host);
    length = sizeof *in6;
  } else {
    auto* in = reinterpret_cast<sockaddr_in*>(&storage);
    *in = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (::inet_pton(AF_INET, host.c_str(), &in->sin_addr) != 1) Fail("no address: " + host);
    length = sizeof *in;
  }
  return storage;
}

int Listen(std::string_view address) {
  socklen_t length = 0;
  const sockaddr_storage storage = ParseAddress(address, length);
  const int fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) Fail("socket");
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&storage), length) != 0)
    Fail("bind " + std::string(address));
  if (::listen(fd, 4096) != 0) Fail("listen " + std::string(address));
  return fd;
}

std::string Printed(const sockaddr_storage& storage) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (storage.ss_family == AF_INET6) {
    const auto& in6 = reinterpret_cast<const sockaddr_in6&>(storage);
    ::inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof text);
    return std::string("[") + text + "]:" + std::to_string(ntohs(in6.sin6_port));
  }
  const auto& in = reinterpret_cast<const sockaddr_in&>(storage);
  ::inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
  return std::string(text) + ":" + std::to_string(ntohs(in.sin_port));
}

class EchoServer {
 public:
  EchoServer() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

  void Add(std::string_view pod_at_address) {
    const size_t equals = pod_at_address.find('=');
    if (equals == std::string_view::npos)
      Fail("expected NAME=ADDRESS:PORT, not " + std::string(pod_at_address));
    const int fd = Listen(pod_at_address.substr(equals + 1));
    listeners_[fd] = pod_at_address.substr(0, equals);
    Watch(fd, EPOLL_CTL_ADD, EPOLLIN);
  }

  [[noreturn]] void Run() {
    for (;;) {
      epoll_event events[256];
      const int count = ::epoll_wait(epoll_, events, 256, MillisecondsToWait());
      for (int i = 0; i < count; ++i) {
        const int fd = events[i].data.fd;
        if (const auto listener = listeners_.find(fd); listener != listeners_.end()) {
          Accept(fd, listener->second);
        } else if ((events[i].events & (EPOLLERR | EPOLLHUP)) != 0) {
          connections_.erase(fd);
        } else {
          Advance(fd);
        }
      }
      AdvanceDue();
    }
  }

 private:
  void Watch(int fd, int operation, uint32_t events) {
    epoll_event event{.events = events, .data = {.fd = fd}};
    ::epoll_ctl(epoll_, operation, fd, &event);
  }

  void Accept(int listener, const std::string& pod) {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    const int fd = ::accept4(listener, reinterpret_cast<sockaddr*>(&peer), &length,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connections_[fd] = std::make_unique<Connection>(fd, Pod{pod, Printed(peer)});
    Watch(fd, EPOLL_CTL_ADD, EPOLLIN);
  }

  void Advance(int fd) {
    const auto found = connections_.find(fd);
    if (found == connections_.end()) return;
    Connection& connection = *found->second;
    if (!connection.Advance(Clock::now())) {
      connections_.erase(found);
      return;
    }
    Watch(fd, EPOLL_CTL_MOD,
          (connection.wants_write() ? EPOLLOUT : 0u) | (connection.wants_read() ? EPOLLIN : 0u));
  }

  void AdvanceDue() {
    std::vector<int> due;
    for (const auto& [fd, connection] : connections_) {
      if (connection->wake_at() && *connection->wake_at() <= Clock::now()) due.push_back(fd);
    }
    for (const int fd : due) Advance(fd);
  }

  int MillisecondsToWait() const {
    int wait = -1;
    for (const auto& [fd, connection] : connections_) {
      if (!connection->wake_at()) continue;
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(*connection->wake_at() - Clock::now())
              .count();
      const int bounded = static_cast<int>(std::clamp<int64_t>(left, 0, 1000));
      wait = wait < 0 ? bounded : std::min(wait, bounded);
    }
    return wait;
  }

  int epoll_;
  std::map<int, std::string> listeners_;
  std::map<int, std::unique_ptr<Connection>> connections_;
};

}  // namespace
}  // namespace sluice::lab

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  sluice::lab::EchoServer server;
  for (int i = 1; i < argc; ++i) server.Add(argv[i]);
  std::puts("ready");
  std::fflush(stdout);
  server.Run();
}
