// An admin socket that gives every caller the same answer, on a thread of its own.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <string>
#include <thread>
#include <utility>

#include "absl/log/check.h"
#include "dataplane/core/fd.h"

namespace sluice::testing {

class FakeAgent {
 public:
  FakeAgent(const std::string& path, std::string answer) : answer_(std::move(answer)) {
    sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
    CHECK_LT(path.size(), sizeof address.sun_path);
    std::memcpy(address.sun_path, path.data(), path.size());
    listening_ = core::Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    CHECK_EQ(::bind(listening_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    CHECK_EQ(::listen(listening_.get(), 8), 0);
    thread_ = std::thread([this] { Serve(); });
  }
  ~FakeAgent() {
    ::shutdown(listening_.get(), SHUT_RDWR);
    thread_.join();
  }

  std::string request;  // of the last caller

 private:
  void Serve() {
    while (true) {
      const core::Fd caller(::accept(listening_.get(), nullptr, nullptr));
      if (!caller.valid()) return;
      char line[64];
      const ssize_t n = ::recv(caller.get(), line, sizeof line, 0);
      request.assign(line, n < 0 ? 0 : static_cast<size_t>(n));
      for (size_t at = 0; at < answer_.size();) {
        const ssize_t sent =
            ::send(caller.get(), answer_.data() + at, answer_.size() - at, MSG_NOSIGNAL);
        if (sent <= 0) break;
        at += static_cast<size_t>(sent);
      }
    }
  }

  std::string answer_;
  core::Fd listening_;
  std::thread thread_;
};

}  // namespace sluice::testing
