// Hostname patterns to numbers, the most specific wins: the exact name, else the longest wildcard
// ("*.x" spans any number of labels, so "*.b.c" goes before "*.c"), else "" which matches all.
// Built once, then immutable: any thread may look up. A lookup allocates nothing and is bounded by
// the depth of the deepest wildcard, whatever the client sends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"

namespace sluice::snapshot {

class HostMap {
 public:
  // `pattern` in lower case. False if it is there already.
  bool Add(std::string_view pattern, uint32_t value);

  // `host` in lower case, without port and trailing dot; "" finds only the pattern "".
  std::optional<uint32_t> Find(std::string_view host) const;

 private:
  std::optional<uint32_t> FindWildcard(std::string_view host) const;

  absl::flat_hash_map<std::string, uint32_t> exact_;
  absl::flat_hash_map<std::string, uint32_t> wildcards_;  // by what follows "*."
  uint32_t deepest_wildcard_ = 0;                         // labels in the longest key
  std::optional<uint32_t> any_;
};

}  // namespace sluice::snapshot
