// Typed access to a BPF map from user space. Functions return an errno, 0 for success. Any thread.
#pragma once

#include <bpf/bpf.h>
#include <errno.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace sluice::packet {

template <typename Key, typename Value>
int UpdateMap(int map, const Key& key, const Value& value) {
  return bpf_map_update_elem(map, &key, &value, BPF_ANY) == 0 ? 0 : errno;
}

// All at once; keys and values are of the same number.
template <typename Key, typename Value>
int UpdateMap(int map, const std::vector<Key>& keys, const std::vector<Value>& values) {
  auto count = static_cast<uint32_t>(keys.size());
  if (count == 0) return 0;
  return bpf_map_update_batch(map, keys.data(), values.data(), &count, nullptr) == 0 ? 0 : errno;
}

// A key that is not there is no error.
template <typename Key>
int DeleteFromMap(int map, const Key& key) {
  return bpf_map_delete_elem(map, &key) == 0 || errno == ENOENT ? 0 : errno;
}

// All of a hash or an array, in no order. One pass by batches: a writer at the same time may be
// missed.
template <typename Key, typename Value>
int ReadMap(int map, std::vector<std::pair<Key, Value>>& entries) {
  constexpr uint32_t kBatch = 1024;
  std::vector<Key> keys(kBatch);
  std::vector<Value> values(kBatch);
  uint32_t position = 0;
  void* from = nullptr;
  for (;;) {
    uint32_t count = kBatch;
    const int result =
        bpf_map_lookup_batch(map, from, &position, keys.data(), values.data(), &count, nullptr);
    const int error = result == 0 ? 0 : errno;
    if (error != 0 && error != ENOENT) return error;
    for (uint32_t i = 0; i < count; ++i) entries.emplace_back(keys[i], values[i]);
    if (error == ENOENT) return 0;
    from = &position;
  }
}

}  // namespace sluice::packet
