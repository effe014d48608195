// While one lives, this process can open no further descriptor (EMFILE). For tests of servers that
// must outlast that. One thread.
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "dataplane/core/event_loop.h"
#include "dataplane/core/fd.h"

namespace sluice::core {

class NoDescriptors {
 public:
  NoDescriptors() {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    const int lowest_free = Fd(::dup(STDOUT_FILENO)).get();
    const rlimit none = {.rlim_cur = static_cast<rlim_t>(lowest_free),
                         .rlim_max = before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;
  ~NoDescriptors() { EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before_), 0); }

 private:
  rlimit before_ = {};
};

// Whether nothing that is ready keeps the loop busy: after a few turns to notice, it waits.
inline bool ComesToRest(EventLoop& loop) {
  for (int i = 0; i < 3; ++i) loop.RunOnce(10);
  const uint64_t begin = loop.now_ms();
  for (int i = 0; i < 2; ++i) loop.RunOnce(10);
  return loop.now_ms() - begin >= 10;
}

}  // namespace sluice::core
