// What differs between a map of objects and the one of last time: what the parts of a compile are
// remembered by. Pure, but for the memory that the caller owns.
#pragma once

#include <utility>

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

// Calls changed(name, before, now) for each object that came (before is null), went (now is null)
// or changed, in the order of names, and remembers `now`. True if there was any.
template <typename T, typename F>
bool TakeChanges(const ObjectMap<T>& now, Remembered<T>& before, F changed) {
  if (before.version == now.version()) return false;
  bool any = false;
  const auto report = [&](const NamespacedName& name, const ObjectPtr<T>& a,
                          const ObjectPtr<T>& b) {
    any = true;
    changed(name, a, b);
  };
  const ObjectPtr<T> none;
  auto& old = before.pointers;
  auto a = old.begin();
  for (const auto& [name, object] : now.pointers()) {
    while (a != old.end() && a->first < name) {
      report(a->first, a->second, none);
      a = old.erase(a);
    }
    if (a == old.end() || name < a->first) {
      report(name, none, object);
      old.emplace_hint(a, name, object);
      continue;
    }
    if (a->second != object) {
      if (!SameForCompile(*a->second, *object)) report(name, a->second, object);
      a->second = object;
    }
    ++a;
  }
  while (a != old.end()) {
    report(a->first, a->second, none);
    a = old.erase(a);
  }
  before.version = now.version();
  return any;
}

}  // namespace sluice::compile
