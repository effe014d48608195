// One client connection of the echo backend: reads requests, writes responses, turns into a plain
// echo of bytes after an Upgrade. Never blocks; the caller polls it.
// Threads: the one event loop. Invariant: at most one response is under way.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "echo/response.h"

namespace sluice::lab {

using Clock = std::chrono::steady_clock;

class Connection {
 public:
  Connection(int fd, Pod pod);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Moves as far as it goes without blocking. False: it is over.
  bool Advance(Clock::time_point now);

  // When Advance has something to do without any event on the socket.
  std::optional<Clock::time_point> wake_at() const { return wake_at_; }
  bool wants_write() const { return !output_.empty(); }
  // Nothing more is read while a response waits to be taken: the client feels it.
  bool wants_read() const { return output_.empty() && !responding_; }

 private:
  enum class State { kHead, kBody, kTunnel };
  bool ReadSome();
  bool WriteSome();
  bool HandleInput();
  bool StartRequest();
  void Begin(Response response, Clock::time_point now);
  void FillOutput(Clock::time_point now);

  int fd_;
  Pod pod_;
  State state_ = State::kHead;
  std::string input_;
  std::string output_;
  Request request_;
  BodyReader body_;
  bool responding_ = false;
  bool close_when_sent_ = false;
  bool end_of_input_ = false;
  Response response_;
  std::optional<Clock::time_point> wake_at_;
};

}  // namespace sluice::lab
