#include "dataplane/worker/generation.h"

#include "dataplane/snapshot/validate.h"

namespace sluice::worker {
namespace {

// Clusters in Snapshot order, which is what Backend::cluster indexes.
absl::StatusOr<std::vector<upstream::ClusterSpec>> ClustersOf(const snapshot::Snapshot& snapshot) {
  absl::flat_hash_map<std::string_view, const snapshot::EndpointSet*> endpoints;
  for (const auto& set : snapshot.endpoints()) endpoints[set.cluster_id()] = &set;
  std::vector<upstream::ClusterSpec> clusters;
  clusters.reserve(static_cast<size_t>(snapshot.clusters_size()));
  for (const auto& cluster : snapshot.clusters()) {
    upstream::ClusterSpec& spec = clusters.emplace_back();
    spec.id = cluster.id();
    if (cluster.protocol() == snapshot::Cluster::PROTOCOL_H2C) {
      spec.protocol = upstream::Protocol::kHttp2;
    }
    auto set = endpoints.find(cluster.id());
    if (set == endpoints.end()) continue;
    for (const auto& endpoint : set->second->endpoints()) {
      auto address =
          core::Address::Parse(endpoint.address(), static_cast<uint16_t>(endpoint.port()));
      if (!address) {
        return absl::InvalidArgumentError("endpoints of " + cluster.id() + ": bad address " +
                                          endpoint.address());
      }
      spec.endpoints.push_back(*address);
    }
  }
  return clusters;
}

absl::StatusOr<std::shared_ptr<const stream::Routing>> BuildRouting(
    uint64_t number, const snapshot::Snapshot& snapshot) {
  auto routing = std::make_shared<stream::Routing>();
  routing->generation = number;
  auto routes = route::RouteTable::Build(snapshot);
  if (!routes.ok()) return routes.status();
  routing->routes = *std::move(routes);
  auto clusters = ClustersOf(snapshot);
  if (!clusters.ok()) return clusters.status();
  routing->clusters = *std::move(clusters);
  for (const std::string& text : snapshot.settings().trusted_proxies()) {
    auto cidr = stream::Cidr::Parse(text);
    if (!cidr) return absl::InvalidArgumentError("settings.trusted_proxies: bad range " + text);
    routing->trusted_proxies.push_back(*cidr);
  }
  routing->access_log = snapshot.settings().access_log() != snapshot::Settings::ACCESS_LOG_OFF;
  return routing;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Generation>> BuildGeneration(
    uint64_t number, const snapshot::Snapshot& snapshot,
    std::shared_ptr<const certs::CertSet> certificates, const tls::TicketKeys& tickets,
    const Generation* previous) {
  if (absl::Status valid = snapshot::Validate(snapshot); !valid.ok()) return valid;
  auto generation = std::make_shared<Generation>();
  generation->number = number;
  generation->settings = snapshot.settings();
  auto routing = BuildRouting(number, snapshot);
  if (!routing.ok()) return routing.status();
  generation->routing = *std::move(routing);
  auto contexts = tls::TlsContexts::Build(
      snapshot, *certificates, previous == nullptr ? nullptr : previous->tls.get(), tickets);
  if (!contexts.ok()) return contexts.status();
  generation->tls = *std::move(contexts);
  generation->certificates = std::move(certificates);
  return generation;
}

}  // namespace sluice::worker
