// What every object has: its name, its labels and where it was read from.
// Plain values: copy and compare freely, no thread rule. An empty string means "not given" for all
// names here and in the other headers of this folder, because the API allows no empty name.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>

#include "absl/time/time.h"

namespace sluice::gateway_api {

inline constexpr char kGatewayGroup[] = "gateway.networking.k8s.io";
inline constexpr char kSluiceGroup[] = "sluice.edgeprime.io";

using StringMap = std::map<std::string, std::string>;

// Where something was written. Lines and columns count from 1; line 0: not known (JSON).
struct Origin {
  std::string file;
  int line = 0;
  int column = 0;

  bool operator==(const Origin&) const = default;
};

// "file:line:column", or what of it is known.
std::string ToString(const Origin& origin);

// The key of an object within its kind; ordered as Gateway API breaks ties: namespace, then name.
struct NamespacedName {
  std::string namespace_;  // "" for cluster-scoped kinds
  std::string name;

  auto operator<=>(const NamespacedName&) const = default;
};

// "namespace/name", or "name" for cluster-scoped objects.
std::string ToString(const NamespacedName& name);

struct ObjectMeta {
  std::string name;
  std::string namespace_;
  std::string uid;
  std::string resource_version;
  int64_t generation = 0;
  absl::Time creation_time = absl::UnixEpoch();  // the epoch where files do not say
  StringMap labels;
  StringMap annotations;
  Origin origin;

  NamespacedName key() const { return {namespace_, name}; }
  bool operator==(const ObjectMeta&) const = default;
};

}  // namespace sluice::gateway_api
