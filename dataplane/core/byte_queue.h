// Bytes that wait for a socket: a first-in first-out queue of pooled buffers. One thread.
// Empty, it holds no buffer and takes 40 bytes. Written at the tail (Append, or Reserve and
// Commit), taken from the head (Gather for writev, then Consume).
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "dataplane/core/buffer_pool.h"

namespace sluice::core {

class ByteQueue {
 public:
  explicit ByteQueue(BufferPool& pool) : pool_(pool) {}
  ByteQueue(const ByteQueue&) = delete;
  ByteQueue& operator=(const ByteQueue&) = delete;
  ~ByteQueue() { Clear(); }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  void Append(std::span<const uint8_t> bytes);
  void Append(std::string_view text) {
    Append({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  }

  // Contiguous room at the tail, at least one byte. Valid until the next call; Commit says how
  // many of them were written.
  std::span<uint8_t> Reserve();
  void Commit(size_t n);

  // Fills `out` with the bytes from the head on; returns how many elements it used.
  int Gather(std::span<iovec> out) const;
  // REQUIRES: n <= size().
  void Consume(size_t n);
  // The first contiguous run; empty if the queue is.
  std::span<const uint8_t> Front() const;
  void Clear();

 private:
  BufferPool& pool_;
  std::vector<uint8_t*> buffers_;
  uint32_t head_ = 0;  // offset of the first byte in buffers_.front()
  uint32_t tail_ = 0;  // bytes used in buffers_.back()
  size_t size_ = 0;
};

}  // namespace sluice::core
