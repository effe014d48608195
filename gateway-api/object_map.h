// The objects of one kind, by name. An object is immutable and shared: copying a map copies no
// object, and whoever keeps a pointer to one keeps it as it was. So whoever remembers what he read
// (control/compile) sees by a comparison of pointers what has changed since.
// A value like std::map: no thread rule of its own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "gateway-api/metadata.h"

namespace sluice::gateway_api {

template <typename T>
using ObjectPtr = std::shared_ptr<const T>;

template <typename T>
class ObjectMap {
 public:
  using Pointers = std::map<NamespacedName, ObjectPtr<T>>;
  using value_type = std::pair<const NamespacedName&, const T&>;

  // Walks in the order of names; yields a name and an object.
  class const_iterator {
   public:
    using Position = typename Pointers::const_iterator;
    using iterator_category = std::input_iterator_tag;
    using value_type = ObjectMap::value_type;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = value_type;

    const_iterator() = default;
    explicit const_iterator(Position at) : at_(at) {}
    value_type operator*() const { return {at_->first, *at_->second}; }
    const_iterator& operator++() {
      ++at_;
      return *this;
    }
    const_iterator operator++(int) { return const_iterator(at_++); }
    bool operator==(const const_iterator&) const = default;

   private:
    Position at_;
  };

  const_iterator begin() const { return const_iterator(pointers_.begin()); }
  const_iterator end() const { return const_iterator(pointers_.end()); }
  size_t size() const { return pointers_.size(); }
  bool empty() const { return pointers_.empty(); }

  // Null: there is none.
  const T* Find(const NamespacedName& name) const {
    auto found = pointers_.find(name);
    return found == pointers_.end() ? nullptr : found->second.get();
  }
  ObjectPtr<T> FindPointer(const NamespacedName& name) const {
    auto found = pointers_.find(name);
    return found == pointers_.end() ? nullptr : found->second;
  }
  const Pointers& pointers() const { return pointers_; }

  // As long as someone holds the version of a map, another map with the same one has the same
  // objects.
  using Version = std::shared_ptr<const char>;
  const Version& version() const { return version_; }

  // What may be different from the map that had this version, sorted; nullopt: it is too long ago,
  // or was another map.
  std::optional<std::vector<NamespacedName>> ChangedSince(const Version& version) const {
    if (version == version_) return std::vector<NamespacedName>();
    auto at = std::ranges::find(recent_, version, &Change::before);
    if (at == recent_.end()) return std::nullopt;
    std::vector<NamespacedName> names;
    for (; at != recent_.end(); ++at) names.push_back(at->name);
    std::ranges::sort(names);
    names.erase(std::ranges::unique(names).begin(), names.end());
    return names;
  }

  // Adds an object, or replaces the one of that name.
  void Put(T object) {
    NamespacedName name = object.meta.key();
    pointers_.insert_or_assign(name, std::make_shared<const T>(std::move(object)));
    Changed(std::move(name));
  }
  // True if there was one.
  bool Erase(const NamespacedName& name) {
    if (pointers_.erase(name) == 0) return false;
    Changed(name);
    return true;
  }

  bool operator==(const ObjectMap& other) const {
    if (version_ == other.version_) return true;
    if (size() != other.size()) return false;
    for (auto a = begin(), b = other.begin(); a != end(); ++a, ++b) {
      if (*a != *b) return false;
    }
    return true;
  }

 private:
  struct Change {
    Version before;
    NamespacedName name;
  };
  static constexpr size_t kRecent = 64;  // changes that are known at least, if there were as many

  void Changed(NamespacedName name) {
    if (recent_.size() == 2 * kRecent) recent_.erase(recent_.begin(), recent_.begin() + kRecent);
    recent_.push_back({std::exchange(version_, std::make_shared<const char>()), std::move(name)});
  }

  Pointers pointers_;
  Version version_ = std::make_shared<const char>();
  std::vector<Change> recent_;  // oldest first
};

}  // namespace sluice::gateway_api
