// Which references into other namespaces ReferenceGrants permit. Built once from all grants; a
// lookup does not depend on their number. Immutable.
#pragma once

#include <set>
#include <string>
#include <tuple>

#include "gateway-api/object_set.h"

namespace sluice::compile {

// A reference from an object (its group, kind and namespace) to another.
struct Reference {
  std::string from_group, from_kind, from_namespace;
  std::string to_group, to_kind, to_namespace, to_name;
};

class Grants {
 public:
  explicit Grants(const gateway_api::ObjectSet& objects);

  // Within one namespace: always. Else: a grant in the target's namespace names from and to.
  bool Permits(const Reference& reference) const;

 private:
  using Entry = std::tuple<std::string, std::string, std::string, std::string, std::string,
                           std::string, std::string>;
  std::set<Entry> entries_;  // the last: the target's name, or "" for all
};

}  // namespace sluice::compile
