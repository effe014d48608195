#include "dataplane/route/rule_builder.h"

#include <algorithm>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"

namespace sluice::route {
namespace {

using ClusterIndexes = absl::flat_hash_map<std::string_view, uint32_t>;

void LowerNames(google::protobuf::RepeatedPtrField<snapshot::Header>& headers) {
  for (snapshot::Header& header : headers) absl::AsciiStrToLower(header.mutable_name());
}

// Names in lower case, as heads have them: once here rather than with each request.
std::vector<snapshot::Filter> ResolveFilters(
    const google::protobuf::RepeatedPtrField<snapshot::Filter>& from) {
  std::vector<snapshot::Filter> filters(from.begin(), from.end());
  for (snapshot::Filter& filter : filters) {
    if (!filter.has_request_headers() && !filter.has_response_headers()) continue;
    snapshot::HeaderModifier& modifier = filter.has_request_headers()
                                             ? *filter.mutable_request_headers()
                                             : *filter.mutable_response_headers();
    LowerNames(*modifier.mutable_set());
    LowerNames(*modifier.mutable_add());
  }
  return filters;
}

Backend ResolveBackend(const snapshot::Backend& from, const ClusterIndexes& clusters) {
  Backend backend;
  backend.weight = from.weight();
  if (!from.cluster_id().empty()) backend.cluster = clusters.at(from.cluster_id());
  backend.filters = ResolveFilters(from.filters());
  return backend;
}

uint32_t Milliseconds(int64_t ms) {
  return static_cast<uint32_t>(std::min<int64_t>(ms, UINT32_MAX));
}

Rule ResolveRule(const snapshot::Rule& from, const ClusterIndexes& clusters) {
  Rule rule;
  rule.id = from.id();
  rule.route = from.route();
  rule.filters = ResolveFilters(from.filters());
  rule.backends.reserve(static_cast<size_t>(from.backends_size()));
  for (const snapshot::Backend& backend : from.backends()) {
    rule.backends.push_back(ResolveBackend(backend, clusters));
    rule.total_weight += backend.weight();
  }
  rule.request_timeout_ms = Milliseconds(from.request_timeout_ms());
  rule.backend_timeout_ms = Milliseconds(from.backend_timeout_ms());
  rule.grpc = from.grpc();
  return rule;
}

}  // namespace

std::vector<Rule> ResolveRules(const snapshot::Snapshot& snapshot) {
  ClusterIndexes clusters;
  for (const snapshot::Cluster& cluster : snapshot.clusters()) {
    clusters.emplace(cluster.id(), static_cast<uint32_t>(clusters.size()));
  }
  std::vector<Rule> rules;
  rules.reserve(static_cast<size_t>(snapshot.rules_size()));
  for (const snapshot::Rule& from : snapshot.rules()) {
    rules.push_back(ResolveRule(from, clusters));
    rules.back().index = static_cast<uint32_t>(rules.size() - 1);
  }
  return rules;
}

}  // namespace sluice::route
