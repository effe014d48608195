#include "dataplane/core/arena.h"

#include <cstring>
#include <utility>

namespace sluice::core {

ArenaPool::~ArenaPool() {
  for (char* block : idle_) delete[] block;
}

char* ArenaPool::Get() {
  used_bytes_ += kBlockBytes;
  if (idle_.empty()) return new char[kBlockBytes];
  char* block = idle_.back();
  idle_.pop_back();
  return block;
}

void ArenaPool::Put(char* block) {
  used_bytes_ -= kBlockBytes;
  if (idle_.size() < max_idle_) {
    idle_.push_back(block);
  } else {
    delete[] block;
  }
}

void* Arena::AllocateBlock(size_t bytes) {
  if (bytes > ArenaPool::kBlockBytes / 4) {
    large_.push_back(std::make_unique_for_overwrite<char[]>(bytes));
    large_bytes_ += bytes;
    pool_.CountLarge(bytes);
    return large_.back().get();
  }
  blocks_.push_back(pool_.Get());
  next_ = blocks_.back() + bytes;
  end_ = blocks_.back() + ArenaPool::kBlockBytes;
  return blocks_.back();
}

std::string_view Arena::Concat(std::initializer_list<std::string_view> parts) {
  size_t size = 0;
  for (std::string_view part : parts) size += part.size();
  if (size == 0) return {};
  char* at = static_cast<char*>(Allocate(size));
  char* to = at;
  for (std::string_view part : parts) {
    if (!part.empty()) std::memcpy(to, part.data(), part.size());
    to += part.size();
  }
  return {at, size};
}

std::string_view Arena::Extend(std::string_view text, std::string_view more) {
  if (text.empty()) return Copy(more);
  const size_t size = text.size() + more.size();
  const size_t held = (text.size() + 7) & ~size_t{7};
  const size_t wanted = (size + 7) & ~size_t{7};
  const bool grown = text.data() == grown_.data() && text.size() == grown_.size();
  if (grown ? size > grown_room_
            : text.data() + held != next_ || wanted - held > static_cast<size_t>(end_ - next_)) {
    return Grow(text, more);
  }
  std::memcpy(const_cast<char*>(text.data()) + text.size(), more.data(), more.size());
  // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): longer than `text` was, on purpose
  const std::string_view extended(text.data(), size);
  if (grown) {
    grown_ = extended;
  } else {
    next_ += wanted - held;
  }
  return extended;
}

std::string_view Arena::Grow(std::string_view text, std::string_view more) {
  const size_t size = text.size() + more.size();
  grown_room_ = size * 2;
  char* at = static_cast<char*>(Allocate(grown_room_));
  std::memcpy(at, text.data(), text.size());
  std::memcpy(at + text.size(), more.data(), more.size());
  grown_ = {at, size};
  return grown_;
}

void Arena::Reset() {
  for (char* block : blocks_) pool_.Put(block);
  blocks_.clear();
  large_.clear();
  pool_.DiscountLarge(std::exchange(large_bytes_, 0));
  next_ = end_ = nullptr;
  grown_ = {};
}

}  // namespace sluice::core
