#include "dataplane/route/route_table.h"

#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "dataplane/route/conditions.h"
#include "dataplane/route/path_index.h"
#include "dataplane/route/rule_builder.h"
#include "dataplane/snapshot/host_map.h"

namespace sluice::route {
namespace {

using snapshot::HostMap;

// One match, ready to be tried; its plain path is the index's business.
struct Candidate {
  const snapshot::Match* match;
  const Rule* rule;
  Conditions conditions;
};

struct HostTable {
  PathIndex paths;
  std::vector<Candidate> candidates;  // by index in Host.matches
};

using RuleIndexes = absl::flat_hash_map<std::string_view, const Rule*>;

absl::StatusOr<HostTable> BuildHost(const snapshot::Host& host, const RuleIndexes& rules,
                                    RegexSet& regexes) {
  HostTable table{PathIndex(host), {}};
  table.candidates.reserve(static_cast<size_t>(host.matches_size()));
  for (const snapshot::Match& match : host.matches()) {
    absl::StatusOr<Conditions> conditions = Conditions::Make(match, regexes);
    if (!conditions.ok()) return conditions.status();
    table.candidates.push_back({&match, rules.at(match.rule_id()), *std::move(conditions)});
  }
  return table;
}

}  // namespace

struct RouteTable::Tables {
  explicit Tables(const snapshot::Snapshot& snapshot)
      : groups(snapshot), source(snapshot.hosts()), rules(ResolveRules(snapshot)) {}

  const snapshot::ListenerGroups groups;
  const google::protobuf::RepeatedPtrField<snapshot::Host> source;  // its text is borrowed below
  const std::vector<Rule> rules;
  RegexSet regexes;
  std::vector<std::string> listener_ids;  // by listener
  std::vector<HostMap> hosts_of;          // by listener: hostname -> index into hosts
  std::vector<HostTable> hosts;           // in the order of `source`
  absl::flat_hash_map<std::string_view, uint32_t> listener_indexes;
};

RouteTable::RouteTable() = default;
RouteTable::~RouteTable() = default;

absl::StatusOr<std::unique_ptr<const RouteTable>> RouteTable::Build(
    const snapshot::Snapshot& snapshot) {
  auto tables = std::make_unique<Tables>(snapshot);
  for (const snapshot::Listener& listener : snapshot.listeners()) {
    tables->listener_ids.push_back(listener.id());
  }
  for (const std::string& id : tables->listener_ids) {
    tables->listener_indexes.emplace(id, static_cast<uint32_t>(tables->listener_indexes.size()));
  }
  tables->hosts_of.resize(tables->listener_ids.size());

  RuleIndexes rules;
  for (const Rule& rule : tables->rules) rules.emplace(rule.id, &rule);
  tables->hosts.reserve(static_cast<size_t>(tables->source.size()));
  for (const snapshot::Host& host : tables->source) {
    absl::StatusOr<HostTable> table = BuildHost(host, rules, tables->regexes);
    if (!table.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("host ", host.hostname(), ": ", table.status().message()));
    }
    HostMap& hosts = tables->hosts_of[tables->listener_indexes.at(host.listener_id())];
    hosts.Add(host.hostname(), static_cast<uint32_t>(tables->hosts.size()));
    tables->hosts.push_back(*std::move(table));
  }

  std::unique_ptr<RouteTable> table(new RouteTable());
  table->tables_ = std::move(tables);
  return table;
}

std::optional<snapshot::GroupId> RouteTable::FindPort(const core::Address& local) const {
  return tables_->groups.Find(local);
}

std::optional<snapshot::GroupId> RouteTable::FindPortOfListener(std::string_view id) const {
  return tables_->groups.FindByListener(id);
}

bool RouteTable::IsHttps(snapshot::GroupId port) const {
  return tables_->groups.protocol(port) == snapshot::Listener::PROTOCOL_HTTPS;
}

Result RouteTable::Find(snapshot::GroupId port, uint32_t listener,
                        const http::RequestHead& head) const {
  if (listener == kGoneListener) return {.outcome = Outcome::kMisdirected};
  const std::optional<uint32_t> owner = tables_->groups.FindListener(port, head.host);
  if (!owner) return {.outcome = Outcome::kNoRoute};
  if (listener != kAnyListener && *owner != listener) {
    return {.outcome = Outcome::kMisdirected, .listener = *owner};
  }
  const Result none{.outcome = Outcome::kNoRoute, .listener = *owner};
  const std::optional<uint32_t> host = tables_->hosts_of[*owner].Find(head.host);
  if (!host) return none;

  const HostTable& table = tables_->hosts[*host];
  const std::optional<uint32_t> found = table.paths.FindFirst(
      head.path(), [&](uint32_t i) { return table.candidates[i].conditions.Hold(head); });
  if (!found) return none;
  const Candidate& winner = table.candidates[*found];
  return {Outcome::kFound, *owner, winner.rule, winner.match};
}

const std::vector<Rule>& RouteTable::rules() const { return tables_->rules; }

std::string_view RouteTable::ListenerId(uint32_t index) const {
  return index == Result::kNoListener ? std::string_view() : tables_->listener_ids[index];
}

size_t RouteTable::listeners() const { return tables_->listener_ids.size(); }

uint32_t RouteTable::ListenerIndex(std::string_view listener_id) const {
  const auto found = tables_->listener_indexes.find(listener_id);
  return found == tables_->listener_indexes.end() ? kGoneListener : found->second;
}

}  // namespace sluice::route
