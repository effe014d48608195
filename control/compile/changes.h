// What differs between a map of objects and the one of last time: what the parts of a compile are
// remembered by. Pure, but for the memory that the caller owns.
#pragma once

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "gateway-api/object_map.h"

namespace sluice::compile {

using gateway_api::NamespacedName;
using gateway_api::ObjectMap;
using gateway_api::ObjectPtr;

// The objects of one kind as they were last time.
template <typename T>
struct Remembered {
  typename ObjectMap<T>::Version version;
  typename ObjectMap<T>::Pointers pointers;
};

// True if a compile sees no difference: each write of a status gives a new resource version.
template <typename T>
bool SameForCompile(const T& a, const T& b) {
  if (a.meta.generation != b.meta.generation) return false;
  if (a.meta.resource_version == b.meta.resource_version) return a == b;
  T copy = a;
  copy.meta.resource_version = b.meta.resource_version;
  return copy == b;
}

template <typename T>
using Reported = std::function<void(const NamespacedName& name, const ObjectPtr<T>& before,
                                    const ObjectPtr<T>& now)>;

// One name of both maps. True if it was reported.
template <typename T>
bool TakeChange(const NamespacedName& name, const ObjectMap<T>& now, Remembered<T>& before,
                const Reported<T>& changed) {
  const ObjectPtr<T> object = now.FindPointer(name);
  auto [at, is_new] = before.pointers.try_emplace(name);
  const ObjectPtr<T> old = std::exchange(at->second, object);
  if (object == nullptr) before.pointers.erase(at);
  if (old == object) return false;
  if (old != nullptr && object != nullptr && SameForCompile(*old, *object)) return false;
  changed(name, old, object);
  return true;
}

// All names of both maps.
template <typename T>
std::vector<NamespacedName> Differences(const ObjectMap<T>& now, const Remembered<T>& before) {
  std::vector<NamespacedName> names;
  auto a = before.pointers.begin();
  for (const auto& [name, object] : now.pointers()) {
    if (a != before.pointers.end() && a->second == object) {
      ++a;
      continue;
    }
    for (; a != before.pointers.end() && a->first < name; ++a) names.push_back(a->first);
    if (a != before.pointers.end() && a->first == name) ++a;
    names.push_back(name);
  }
  for (; a != before.pointers.end(); ++a) names.push_back(a->first);
  return names;
}

// Calls changed(name, before, now) for each object that came (before is null), went (now is null)
// or changed, in the order of names, and remembers `now`. True if there was any.
template <typename T>
bool TakeChanges(const ObjectMap<T>& now, Remembered<T>& before,
                 const std::type_identity_t<Reported<T>>& changed) {
  if (before.version == now.version()) return false;
  std::optional<std::vector<NamespacedName>> names = now.ChangedSince(before.version);
  if (!names) names = Differences(now, before);
  bool any = false;
  for (const NamespacedName& name : *names) any |= TakeChange(name, now, before, changed);
  before.version = now.version();
  return any;
}

}  // namespace sluice::compile
