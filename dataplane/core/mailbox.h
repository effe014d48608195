// The door into a loop from other threads: functions posted here run on the loop's thread, in
// order. The only lock of the data plane; nothing per request goes through it.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "dataplane/core/event_loop.h"

namespace sluice::core {

class Mailbox {
 public:
  // REQUIRES: made and destroyed on the loop's thread, or while the loop does not run.
  explicit Mailbox(EventLoop& loop);
  ~Mailbox();

  // From any thread.
  void Post(std::function<void()> work);

 private:
  void Drain();

  EventLoop& loop_;
  Fd wake_;
  Pollable pollable_;
  std::mutex mutex_;
  std::vector<std::function<void()>> queue_;  // guarded by mutex_
};

}  // namespace sluice::core
