// What a node says of itself in its NodeReport object (sluice.edgeprime.io/v1alpha1,
// cluster-scoped, named like the node): for gwctl from anywhere, and for the leader, who waits with
// statuses until the nodes know what they say. Plain value and its two forms; pure.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "control/kube/resource.h"
#include "control/status/coverage.h"

namespace sluice::status {

inline constexpr kube::Resource kNodeReports = {"sluice.edgeprime.io", "v1alpha1", "nodereports",
                                                "NodeReport", false};

struct NodeReport {
  struct Vip {
    std::string address;
    std::string interface;
    bool owned = false;
    bool candidate = false;
    int64_t epoch = 0;
    absl::Time since = absl::UnixEpoch();  // the epoch: not known

    bool operator==(const Vip&) const = default;
  };
  struct Interface {
    std::string name;
    std::string attach;  // "xdp", "tcx", ...
    bool carrier = false;

    bool operator==(const Interface&) const = default;
  };

  std::string node;
  std::string build;
  int64_t generation = 0;  // that the node's proxy has applied
  Versions versions;       // applied or refused
  bool eligible = false;
  std::string reason;   // why it is not, in one word; "": it is
  std::string message;  // the same for people
  std::string refused;  // why the newest generation was refused
  bool leader = false;
  int problems = 0;
  absl::Duration lag;  // how long the newest change waits to be applied
  std::vector<Vip> vips;
  std::vector<Interface> interfaces;

  bool operator==(const NodeReport&) const = default;
};

// Its `status`, within the limits of the CRD.
nlohmann::json ToJson(const NodeReport& report, absl::Time reported);

// What is read of an object: nothing if it is none.
std::optional<NodeReport> ReadNodeReport(std::string_view object);

}  // namespace sluice::status
