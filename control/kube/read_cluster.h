// A cluster's configuration read once, for command line tools: the same objects that an agent sees.
// Blocks, at most ReadOptions::deadline. What the caller may not read is a Problem, the rest is
// there; errors say what to do.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "control/kube/client.h"
#include "control/kube/cluster_source.h"
#include "control/kube/config.h"
#include "control/kube/resource.h"
#include "dataplane/core/event_loop.h"
#include "gateway-api/object_set.h"
#include "gateway-api/parse.h"

namespace sluice::kube {

struct ReadOptions {
  absl::Duration deadline = absl::Seconds(20);
  absl::Duration patience = absl::Seconds(2);  // with a server that cannot be spoken to
  std::string user_agent = "gwctl";
  // Kinds that are not part of an ObjectSet and are wanted too, as the API server writes them. One
  // that the server does not have is empty.
  std::vector<Resource> also;
};

struct ClusterContents {
  std::shared_ptr<const gateway_api::ObjectSet> objects;
  std::vector<gateway_api::Problem> problems;
  KnownObjects known;          // their statuses
  std::string bundle_version;  // of the Gateway API CRDs; "": not known
  std::map<std::string_view, std::vector<std::string>> also;  // JSON texts by kind, in no order
};

absl::StatusOr<ClusterContents> ReadCluster(Config config, const ReadOptions& options);

// The same over any client that lives on `loop`.
absl::StatusOr<ClusterContents> ReadCluster(core::EventLoop& loop, Client& client,
                                            const ReadOptions& options);

}  // namespace sluice::kube
