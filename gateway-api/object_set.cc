#include "gateway-api/object_set.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice::gateway_api {

std::string ToString(const Origin& origin) {
  if (origin.line == 0) return origin.file;
  return absl::StrCat(origin.file, ":", origin.line, ":", origin.column);
}

std::string ToString(const NamespacedName& name) {
  if (name.namespace_.empty()) return name.name;
  return absl::StrCat(name.namespace_, "/", name.name);
}

const ObjectMeta& Meta(const Object& object) {
  return std::visit([](const auto& o) -> const ObjectMeta& { return o.meta; }, object);
}

std::string_view KindOf(const Object& object) {
  return std::visit([](const auto& o) -> std::string_view { return o.kKind; }, object);
}

std::string Describe(const Object& object) {
  return absl::StrCat(KindOf(object), " ", ToString(Meta(object).key()));
}

absl::Status ObjectSet::Insert(Object object) {
  return std::visit(
      [this](auto&& value) -> absl::Status {
        using T = std::decay_t<decltype(value)>;
        auto& map = std::get<Map<T>>(maps_);
        const NamespacedName key = value.meta.key();
        if (const T* found = map.Find(key)) {
          return absl::AlreadyExistsError(
              absl::StrCat(T::kKind, " ", ToString(key), " at ", ToString(value.meta.origin),
                           " is left out: it is already at ", ToString(found->meta.origin)));
        }
        map.Put(std::move(value));
        return absl::OkStatus();
      },
      std::move(object));
}

void ObjectSet::Put(Object object) {
  std::visit(
      [this](auto&& value) {
        using T = std::decay_t<decltype(value)>;
        std::get<Map<T>>(maps_).Put(std::move(value));
      },
      std::move(object));
}

size_t ObjectSet::size() const {
  return std::apply([](const auto&... maps) { return (maps.size() + ...); }, maps_);
}

}  // namespace sluice::gateway_api
