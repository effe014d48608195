#include "dataplane/channel/wiped_buffer.h"

#include <openssl/mem.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/log/check.h"

namespace sluice::channel {

WipedBuffer::WipedBuffer(WipedBuffer&& other) noexcept
    : data_(std::move(other.data_)),
      capacity_(std::exchange(other.capacity_, 0)),
      begin_(std::exchange(other.begin_, 0)),
      end_(std::exchange(other.end_, 0)) {}

WipedBuffer& WipedBuffer::operator=(WipedBuffer&& other) noexcept {
  if (this == &other) return *this;
  Wipe();
  data_ = std::move(other.data_);
  capacity_ = std::exchange(other.capacity_, 0);
  begin_ = std::exchange(other.begin_, 0);
  end_ = std::exchange(other.end_, 0);
  return *this;
}

void WipedBuffer::Wipe() {
  if (data_ != nullptr) OPENSSL_cleanse(data_.get(), capacity_);
}

std::span<uint8_t> WipedBuffer::Reserve(size_t count) {
  if (capacity_ - end_ < count) {
    const size_t content = size();
    const size_t capacity = std::max(content + count, 2 * content);
    std::unique_ptr<uint8_t[]> grown(new uint8_t[capacity]);
    if (content > 0) std::memcpy(grown.get(), data_.get() + begin_, content);
    Wipe();
    data_ = std::move(grown);
    capacity_ = capacity;
    begin_ = 0;
    end_ = content;
  }
  return {data_.get() + end_, count};
}

void WipedBuffer::Consume(size_t count) {
  CHECK_LE(count, size());
  OPENSSL_cleanse(data_.get() + begin_, count);
  begin_ += count;
  if (begin_ != end_) return;
  Wipe();
  data_.reset();
  capacity_ = begin_ = end_ = 0;
}

}  // namespace sluice::channel
