// A byte queue whose memory is wiped as it is given back: frames may hold private keys.
// One thread. Bytes are appended at the end and consumed at the front.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace sluice::channel {

class WipedBuffer {
 public:
  WipedBuffer() = default;
  WipedBuffer(WipedBuffer&& other) noexcept;
  WipedBuffer& operator=(WipedBuffer&& other) noexcept;
  ~WipedBuffer() { Wipe(); }

  std::string_view view() const {
    return {reinterpret_cast<const char*>(data_.get()) + begin_, size()};
  }
  size_t size() const { return end_ - begin_; }

  // Room for `count` bytes after the content; Commit says how many were written.
  std::span<uint8_t> Reserve(size_t count);
  void Commit(size_t count) { end_ += count; }
  void Consume(size_t count);

 private:
  void Wipe();

  std::unique_ptr<uint8_t[]> data_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace sluice::channel
