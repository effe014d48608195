#include "control/compile/grants.h"

namespace sluice::compile {

Grants::Grants(const gateway_api::ObjectSet& objects) {
  for (const auto& [name, grant] : objects.All<gateway_api::ReferenceGrant>()) {
    for (const auto& from : grant.from) {
      for (const auto& to : grant.to) {
        entries_.emplace(from.group, from.kind, from.namespace_, to.group, to.kind, name.namespace_,
                         to.name);
      }
    }
  }
}

bool Grants::Permits(const Reference& r) const {
  if (r.from_namespace == r.to_namespace) return true;
  Entry entry(r.from_group, r.from_kind, r.from_namespace, r.to_group, r.to_kind, r.to_namespace,
              r.to_name);
  if (entries_.contains(entry)) return true;
  std::get<6>(entry).clear();
  return entries_.contains(entry);
}

}  // namespace sluice::compile
