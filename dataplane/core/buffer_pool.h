// Fixed-size buffers of one worker, reused last in, first out so that they stay warm in the cache.
// One thread. An idle connection holds none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice::core {

class BufferPool {
 public:
  static constexpr size_t kBufferBytes = 16 * 1024;

  // Keeps at most `max_idle` free buffers; more are given back to the allocator.
  explicit BufferPool(size_t max_idle = 256) : max_idle_(max_idle) {}
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool();

  uint8_t* Get();
  void Put(uint8_t* buffer);

  size_t used() const { return used_; }  // buffers handed out

 private:
  const size_t max_idle_;
  size_t used_ = 0;
  std::vector<uint8_t*> idle_;
};

}  // namespace sluice::core
