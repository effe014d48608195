#include "dataplane/core/buffer_pool.h"

namespace sluice::core {

BufferPool::~BufferPool() {
  for (uint8_t* buffer : idle_) delete[] buffer;
}

uint8_t* BufferPool::Get() {
  ++used_;
  if (idle_.empty()) return new uint8_t[kBufferBytes];
  uint8_t* buffer = idle_.back();
  idle_.pop_back();
  return buffer;
}

void BufferPool::Put(uint8_t* buffer) {
  --used_;
  if (idle_.size() < max_idle_) {
    idle_.push_back(buffer);
  } else {
    delete[] buffer;
  }
}

}  // namespace sluice::core
