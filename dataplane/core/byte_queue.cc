#include "dataplane/core/byte_queue.h"

#include <algorithm>
#include <cstring>

#include "absl/log/check.h"

namespace sluice::core {

constexpr size_t kBytes = BufferPool::kBufferBytes;

std::span<uint8_t> ByteQueue::Reserve() {
  if (buffers_.empty() || tail_ == kBytes) {
    buffers_.push_back(pool_.Get());
    tail_ = 0;
  }
  return {buffers_.back() + tail_, kBytes - tail_};
}

void ByteQueue::Commit(size_t n) {
  DCHECK_LE(tail_ + n, kBytes);
  tail_ += static_cast<uint32_t>(n);
  size_ += n;
}

void ByteQueue::Append(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    std::span<uint8_t> room = Reserve();
    const size_t n = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), n);
    Commit(n);
    bytes = bytes.subspan(n);
  }
}

int ByteQueue::Gather(std::span<iovec> out) const {
  size_t count = 0;
  for (size_t i = 0; i < buffers_.size() && count < out.size(); ++i) {
    const size_t begin = i == 0 ? head_ : 0;
    const size_t end = i + 1 == buffers_.size() ? tail_ : kBytes;
    if (end > begin) out[count++] = {buffers_[i] + begin, end - begin};
  }
  return static_cast<int>(count);
}

std::span<const uint8_t> ByteQueue::Front() const {
  iovec first;
  if (Gather({&first, 1}) == 0) return {};
  return {static_cast<const uint8_t*>(first.iov_base), first.iov_len};
}

void ByteQueue::Consume(size_t n) {
  CHECK_LE(n, size_);
  size_ -= n;
  if (size_ == 0) return Clear();
  size_t whole = (head_ + n) / kBytes;  // buffers that are used up
  head_ = static_cast<uint32_t>((head_ + n) % kBytes);
  for (size_t i = 0; i < whole; ++i) pool_.Put(buffers_[i]);
  buffers_.erase(buffers_.begin(), buffers_.begin() + static_cast<ptrdiff_t>(whole));
}

void ByteQueue::Clear() {
  for (uint8_t* buffer : buffers_) pool_.Put(buffer);
  buffers_.clear();
  head_ = tail_ = 0;
  size_ = 0;
}

}  // namespace sluice::core
