// A small server: a connection brings one request, gets one answer, and ends. What a request looks
// like is the reader's business (HTTP for metrics, a line for the admin socket). Lives on its
// loop's thread. Everything is bounded: connections, requests, time. The oldest connection makes
// room for the newest, so that a client that only holds connections locks nobody out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/core/acceptor.h"
#include "dataplane/core/event_loop.h"
#include "dataplane/core/fd.h"

namespace sluice::core {

class AnswerServer {
 public:
  // Sends `answer`, then closes; "" only closes. Once; on the loop's thread; harmless when the
  // client is gone.
  using Respond = std::function<void(std::string answer)>;
  // Gets all that a client has sent so far. `complete`: no more will be read, since the client has
  // said all that it wants to say, or max_request_bytes are reached. False: wants to see more, and
  // what is complete is closed then. True: it has called `respond`, or will.
  using Reader = std::function<bool(std::string_view received, bool complete, Respond respond)>;

  struct Options {
    size_t max_clients = 0;
    size_t max_request_bytes = 0;
    uint64_t deadline_ms = 0;  // for a connection as a whole
  };

  AnswerServer(EventLoop& loop, Options options, Reader reader);
  AnswerServer(const AnswerServer&) = delete;
  AnswerServer& operator=(const AnswerServer&) = delete;
  ~AnswerServer();

  // `listening` is non-blocking. Once.
  void Start(Fd listening) { acceptor_.Start(std::move(listening)); }

 private:
  struct Client;

  void Open(Fd accepted);
  void Receive(Client& client);
  bool Read(Client& client, bool complete);
  void Answer(Client& client, std::string answer);
  void Write(Client& client);
  void Close(Client& client);

  EventLoop& loop_;
  const Options options_;
  const Reader reader_;
  std::vector<std::shared_ptr<Client>> clients_;  // the oldest first
  Acceptor acceptor_;
};

}  // namespace sluice::core
