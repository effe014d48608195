// Memory of objects that come and go with each request: a few pieces are kept, so that a busy
// connection allocates none. One thread. The objects are their owner's to delete.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace sluice::http {

template <typename T>
class SpareMemory {
 public:
  SpareMemory() = default;
  SpareMemory(const SpareMemory&) = delete;
  SpareMemory& operator=(const SpareMemory&) = delete;
  ~SpareMemory() {
    for (void* piece : pieces_) ::operator delete(piece, sizeof(T));
  }

  template <typename... Arguments>
  T* New(Arguments&&... arguments) {
    void* piece = pieces_.empty() ? ::operator new(sizeof(T)) : pieces_.back();
    if (!pieces_.empty()) pieces_.pop_back();
    return new (piece) T(std::forward<Arguments>(arguments)...);
  }
  void Delete(T* object) {
    std::destroy_at(object);
    if (pieces_.size() < kMost) {
      pieces_.push_back(object);
    } else {
      ::operator delete(object, sizeof(T));
    }
  }

 private:
  static constexpr size_t kMost = 8;
  std::vector<void*> pieces_;
};

}  // namespace sluice::http
