// Memory of one stream: allocated bit by bit, freed at once. One thread.
// Blocks come from an ArenaPool, so a request costs no malloc once the worker is warm.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace sluice::core {

// Free blocks of one worker.
class ArenaPool {
 public:
  static constexpr size_t kBlockBytes = 4 * 1024;

  explicit ArenaPool(size_t max_idle = 1024) : max_idle_(max_idle) {}
  ArenaPool(const ArenaPool&) = delete;
  ArenaPool& operator=(const ArenaPool&) = delete;
  ~ArenaPool();

  char* Get();
  void Put(char* block);
  // Memory that arenas have beside blocks.
  void CountLarge(size_t bytes) { used_bytes_ += bytes; }
  void DiscountLarge(size_t bytes) { used_bytes_ -= bytes; }

  size_t used_bytes() const { return used_bytes_; }  // of all arenas

 private:
  const size_t max_idle_;
  size_t used_bytes_ = 0;
  std::vector<char*> idle_;
};

class Arena {
 public:
  explicit Arena(ArenaPool& pool) : pool_(pool) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { Reset(); }

  // Uninitialised bytes, aligned for any type up to 8 bytes.
  void* Allocate(size_t bytes) {
    bytes = (bytes + 7) & ~size_t{7};
    if (static_cast<size_t>(end_ - next_) < bytes) return AllocateBlock(bytes);
    char* at = next_;
    next_ += bytes;
    return at;
  }
  template <typename T>
  std::span<T> AllocateArray(size_t n) {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= 8);
    return {static_cast<T*>(Allocate(n * sizeof(T))), n};
  }

  std::string_view Copy(std::string_view text) {
    if (text.empty()) return {};
    char* at = static_cast<char*>(Allocate(text.size()));
    std::memcpy(at, text.data(), text.size());
    return {at, text.size()};
  }
  std::string_view Concat(std::initializer_list<std::string_view> parts);

  // `text` with `more` behind it; in place if `text` is what was allocated or extended last, as it
  // is when a parser hands over a value in pieces. Room grows by doubling, so that a value of n
  // bytes takes O(n) memory however small its pieces are. REQUIRES: what follows `text` is not in
  // use: it is no prefix of a longer text.
  std::string_view Extend(std::string_view text, std::string_view more);

  // Frees everything; views into the arena dangle.
  void Reset();

 private:
  void* AllocateBlock(size_t bytes);
  std::string_view Grow(std::string_view text, std::string_view more);

  ArenaPool& pool_;
  char* next_ = nullptr;
  char* end_ = nullptr;
  std::string_view grown_;  // the text that Extend has moved last, and the room it gave it
  size_t grown_room_ = 0;
  std::vector<char*> blocks_;
  std::vector<std::unique_ptr<char[]>> large_;
  size_t large_bytes_ = 0;
};

}  // namespace sluice::core
