#include "dataplane/snapshot/validate.h"

#include <string_view>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "dataplane/snapshot/check.h"
#include "dataplane/snapshot/syntax.h"

namespace sluice::snapshot {
namespace {

using Ids = absl::flat_hash_set<std::string_view>;

template <typename Elements>
Ids IdsOf(const Elements& elements) {
  Ids ids;
  for (const auto& element : elements) ids.insert(element.id());
  return ids;
}

absl::Status CheckCounts(const Snapshot& s) {
  const std::pair<std::string_view, int> counts[] = {
      {"vips", s.vips_size()},         {"listeners", s.listeners_size()},
      {"hosts", s.hosts_size()},       {"rules", s.rules_size()},
      {"clusters", s.clusters_size()}, {"endpoints", s.endpoints_size()}};
  for (const auto& [name, count] : counts) {
    if (static_cast<size_t>(count) > kMaxElements) {
      return Wrong(name, ": ", count, " elements, at most ", kMaxElements, " are served");
    }
  }
  size_t matches = 0;
  for (const Host& host : s.hosts()) matches += static_cast<size_t>(host.matches_size());
  if (matches > kMaxMatches)
    return Wrong("hosts: ", matches, " matches, at most ", kMaxMatches, " are served");
  return absl::OkStatus();
}

absl::Status CheckAddress(const std::string& address) {
  if (IsCanonicalAddress(address)) return absl::OkStatus();
  return Wrong("\"", address, "\" is no address in canonical text");
}

absl::Status CheckVip(const Vip& vip) {
  if (absl::Status s = CheckAddress(vip.address()); !s.ok()) return s;
  const auto key = [](const Vip::Port& port) { return std::pair(port.transport(), port.port()); };
  if (absl::Status s = CheckSorted("ports", vip.ports(), key); !s.ok()) return s;
  return CheckEach("ports", vip.ports(), [](const Vip::Port& port) {
    if (!Transport_IsValid(port.transport())) return Wrong("unknown transport ", port.transport());
    return CheckPort(port.port());
  });
}

absl::Status CheckListener(const Listener& listener) {
  if (listener.id().empty()) return Wrong("no id");
  if (!Listener::Protocol_IsValid(listener.protocol())) {
    return Wrong("unknown protocol ", listener.protocol());
  }
  if (absl::Status s = CheckPort(listener.port()); !s.ok()) return s;
  if (!IsHostnamePattern(listener.hostname())) {
    return Wrong("hostname \"", listener.hostname(), "\" is invalid");
  }
  if (listener.addresses().empty()) return Wrong("no address");
  const auto self = [](std::string_view text) { return text; };
  if (absl::Status s = CheckSorted("addresses", listener.addresses(), self); !s.ok()) return s;
  const bool tls = listener.protocol() == Listener::PROTOCOL_HTTPS;
  if (tls && listener.certificate_ids().empty()) return Wrong("HTTPS without a certificate");
  if (!tls && !listener.certificate_ids().empty()) return Wrong("a certificate without HTTPS");
  return CheckEach("addresses", listener.addresses(), CheckAddress);
}

// On one address and port all listeners speak one protocol, and no two claim a hostname.
absl::Status CheckPlaces(const Snapshot& snapshot) {
  absl::flat_hash_map<std::pair<std::string_view, uint32_t>, Listener::Protocol> protocols;
  absl::flat_hash_set<std::tuple<std::string_view, uint32_t, std::string_view>> claims;
  for (const Listener& listener : snapshot.listeners()) {
    for (const std::string& address : listener.addresses()) {
      const auto [place, is_new] = protocols.try_emplace(
          std::pair(std::string_view(address), listener.port()), listener.protocol());
      if (!is_new && place->second != listener.protocol()) {
        return Wrong("listener \"", listener.id(), "\": another protocol on ", address, " port ",
                     listener.port());
      }
      if (!claims.emplace(address, listener.port(), listener.hostname()).second) {
        return Wrong("listener \"", listener.id(), "\": hostname \"", listener.hostname(),
                     "\" is taken on ", address, " port ", listener.port());
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CheckHost(const Host& host, const Ids& listeners, const Ids& rules) {
  if (!listeners.contains(host.listener_id()))
    return Wrong("no listener \"", host.listener_id(), "\"");
  if (!IsHostnamePattern(host.hostname()))
    return Wrong("hostname \"", host.hostname(), "\" is invalid");
  return CheckEach("matches", host.matches(), [&](const Match& match) {
    if (!rules.contains(match.rule_id())) return Wrong("no rule \"", match.rule_id(), "\"");
    return CheckMatch(match);
  });
}

absl::Status CheckBackend(const Backend& backend, const Ids& clusters) {
  if (backend.weight() > kMaxWeight)
    return Wrong("weight ", backend.weight(), " is above ", kMaxWeight);
  if (!backend.cluster_id().empty() && !clusters.contains(backend.cluster_id())) {
    return Wrong("no cluster \"", backend.cluster_id(), "\"");
  }
  return CheckEach("filters", backend.filters(), CheckFilter);
}

absl::Status CheckRule(const Rule& rule, const Ids& clusters) {
  if (rule.id().empty()) return Wrong("no id");
  if (rule.request_timeout_ms() < 0 || rule.backend_timeout_ms() < 0)
    return Wrong("a negative timeout");
  if (absl::Status s = CheckEach("filters", rule.filters(), CheckFilter); !s.ok()) return s;
  return CheckEach("backends", rule.backends(),
                   [&](const Backend& backend) { return CheckBackend(backend, clusters); });
}

absl::Status CheckCluster(const Cluster& cluster) {
  if (cluster.id().empty()) return Wrong("no id");
  if (!Cluster::Protocol_IsValid(cluster.protocol()))
    return Wrong("unknown protocol ", cluster.protocol());
  return absl::OkStatus();
}

absl::Status CheckEndpoints(const EndpointSet& set, const Ids& clusters) {
  if (!clusters.contains(set.cluster_id())) return Wrong("no cluster \"", set.cluster_id(), "\"");
  const auto key = [](const Endpoint& e) {
    return std::pair<std::string_view, uint32_t>(e.address(), e.port());
  };
  if (absl::Status s = CheckSorted("endpoints", set.endpoints(), key); !s.ok()) return s;
  return CheckEach("endpoints", set.endpoints(), [](const Endpoint& endpoint) {
    if (absl::Status s = CheckAddress(endpoint.address()); !s.ok()) return s;
    return CheckPort(endpoint.port());
  });
}

absl::Status CheckSettings(const Settings& settings) {
  if (!Settings::AccessLog_IsValid(settings.access_log()))
    return Wrong("unknown access_log ", settings.access_log());
  return CheckEach("trusted_proxies", settings.trusted_proxies(), [](const std::string& cidr) {
    return IsCidr(cidr) ? absl::OkStatus() : Wrong("\"", cidr, "\" is no CIDR");
  });
}

absl::Status CheckOrder(const Snapshot& s) {
  const auto id = [](const auto& element) -> const std::string& { return element.id(); };
  const auto address = [](const Vip& vip) -> const std::string& { return vip.address(); };
  const auto place = [](const Host& host) {
    return std::pair<std::string_view, std::string_view>(host.listener_id(), host.hostname());
  };
  const auto cluster = [](const EndpointSet& set) -> const std::string& {
    return set.cluster_id();
  };
  for (const absl::Status& status :
       {CheckSorted("vips", s.vips(), address), CheckSorted("listeners", s.listeners(), id),
        CheckSorted("hosts", s.hosts(), place), CheckSorted("rules", s.rules(), id),
        CheckSorted("clusters", s.clusters(), id),
        CheckSorted("endpoints", s.endpoints(), cluster)}) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// As CheckEach, with the element's own name beside its index.
template <typename Elements, typename Name, typename Check>
absl::Status CheckNamed(std::string_view kind, const Elements& elements, Name name, Check check) {
  for (int i = 0; i < elements.size(); ++i) {
    if (absl::Status status = check(elements.Get(i)); !status.ok()) {
      return In(absl::StrCat(kind, "[", i, "] (", name(elements.Get(i)), ")"), status);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Validate(const Snapshot& s) {
  if (absl::Status status = CheckCounts(s); !status.ok()) return status;
  if (absl::Status status = CheckOrder(s); !status.ok()) return status;
  const Ids listeners = IdsOf(s.listeners()), rules = IdsOf(s.rules()),
            clusters = IdsOf(s.clusters());
  const auto id = [](const auto& element) { return element.id(); };

  if (absl::Status status = CheckNamed(
          "vips", s.vips(), [](const Vip& v) { return v.address(); }, CheckVip);
      !status.ok()) {
    return status;
  }
  if (absl::Status status = CheckNamed("listeners", s.listeners(), id, CheckListener); !status.ok())
    return status;
  if (absl::Status status = CheckPlaces(s); !status.ok()) return status;
  if (absl::Status status = CheckNamed(
          "hosts", s.hosts(),
          [](const Host& h) {
            return absl::StrCat("\"", h.listener_id(), "\", \"", h.hostname(), "\"");
          },
          [&](const Host& host) { return CheckHost(host, listeners, rules); });
      !status.ok()) {
    return status;
  }
  if (absl::Status status = CheckNamed("rules", s.rules(), id,
                                       [&](const Rule& rule) { return CheckRule(rule, clusters); });
      !status.ok()) {
    return status;
  }
  if (absl::Status status = CheckNamed("clusters", s.clusters(), id, CheckCluster); !status.ok())
    return status;
  if (absl::Status status = CheckNamed(
          "endpoints", s.endpoints(), [](const EndpointSet& e) { return e.cluster_id(); },
          [&](const EndpointSet& set) { return CheckEndpoints(set, clusters); });
      !status.ok()) {
    return status;
  }
  return In("settings", CheckSettings(s.settings()));
}

}  // namespace sluice::snapshot
