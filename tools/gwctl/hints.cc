#include "tools/gwctl/hints.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "control/compile/conditions.h"
#include "control/compile/hostnames.h"
#include "tools/gwctl/made.h"
#include "tools/gwctl/words.h"

namespace sluice::gwctl {
namespace {

using compile::Condition;
using gateway_api::NamespacedName;

std::string Text(const Condition& condition) {
  return absl::StrCat(condition.type, "=", condition.status ? "True" : "False", " (",
                      condition.reason, "): ", condition.message);
}

bool IsFalse(const std::vector<Condition>& conditions, std::string_view type) {
  const Condition* condition = compile::FindCondition(conditions, type);
  return condition != nullptr && !condition->status;
}

// The cause rather than its consequence.
const Condition* Cause(const std::vector<Condition>& conditions) {
  for (const char* type : {"ResolvedRefs", "Accepted", "Programmed"}) {
    if (IsFalse(conditions, type)) return compile::FindCondition(conditions, type);
  }
  return nullptr;
}

void AddListeners(const view::View& view, uint16_t port, std::string_view host,
                  std::vector<std::string>& hints) {
  for (const auto& [name, status] : view.statuses.gateways) {
    const auto* gateway = view.objects.Find<gateway_api::Gateway>(name);
    if (gateway == nullptr) continue;
    for (const gateway_api::Listener& listener : gateway->listeners) {
      const bool fits =
          listener.port == port && (host.empty() || compile::Covers(listener.hostname, host));
      const auto own = StatusOf(status, listener.name);
      if (!fits || !IsFalse(own.conditions, "Programmed")) continue;
      hints.push_back(absl::StrCat("listener ", ToString(name), "/", listener.name,
                                   " is not programmed: ", Text(*Cause(own.conditions))));
    }
    if (const Condition* programmed = compile::FindCondition(status.conditions, "Programmed");
        programmed != nullptr && !programmed->status && programmed->reason != "Invalid") {
      hints.push_back(absl::StrCat("Gateway ", ToString(name), ": ", Text(*programmed)));
    }
  }
}

void AddRoutes(const view::View& view, std::string_view host, std::vector<std::string>& hints) {
  for (const auto& [name, route] : view.objects.All<gateway_api::HttpRoute>()) {
    const bool names_it = std::ranges::any_of(
        route.hostnames, [&](const std::string& h) { return compile::Covers(h, host); });
    if (!names_it) continue;
    const auto status = view.statuses.routes.find({route.kKind, name});
    if (status == view.statuses.routes.end()) {
      hints.push_back(absl::StrCat("HTTPRoute ", ToString(name),
                                   " has the host, but none of its parentRefs is served here"));
      continue;
    }
    for (const compile::ParentStatus& parent : status->second.parents) {
      const Condition* accepted = compile::FindCondition(parent.conditions, "Accepted");
      if (accepted == nullptr || accepted->status) continue;
      hints.push_back(absl::StrCat("HTTPRoute ", ToString(name), " has the host, but ",
                                   parent.parent.name, " says ", Text(*accepted)));
    }
  }
}

}  // namespace

std::vector<std::string> HintsForPort(const view::View& view, uint16_t port) {
  std::vector<std::string> hints;
  for (const snapshot::Vip& vip : view.snapshot.vips()) {
    hints.push_back(absl::StrCat(
        "VIP ", vip.address(), " has the ports ",
        absl::StrJoin(vip.ports(), ", ",
                      [](std::string* out, const auto& p) { absl::StrAppend(out, p.port()); })));
  }
  AddListeners(view, port, "", hints);
  return hints;
}

std::vector<std::string> HintsForHost(const view::View& view, uint16_t port,
                                      std::string_view host) {
  std::vector<std::string> hints;
  AddListeners(view, port, host, hints);
  AddRoutes(view, host, hints);
  return hints;
}

std::vector<std::string> HintsForBackends(const view::View& view, const snapshot::Rule& rule) {
  std::vector<std::string> hints;
  const size_t slash = rule.route().find('/');
  const NamespacedName name{rule.route().substr(0, slash), rule.route().substr(slash + 1)};
  std::set<std::string> conditions;
  if (const auto status = view.statuses.routes.find({"HTTPRoute", name});
      status != view.statuses.routes.end()) {
    for (const compile::ParentStatus& parent : status->second.parents) {
      for (const Condition& condition : parent.conditions) {
        const bool partial = condition.type == "PartiallyInvalid";
        if (condition.status == partial) conditions.insert(Text(condition));
      }
    }
  }
  hints.reserve(conditions.size());
  for (const std::string& text : conditions) {
    hints.push_back(absl::StrCat("HTTPRoute ", rule.route(), ": ", text));
  }
  for (const auto& [port, service] : AllEndpoints(view)) {
    const bool used = std::ranges::any_of(rule.backends(), [&](const snapshot::Backend& backend) {
      return backend.cluster_id() == ToString(port);
    });
    if (!used || !service.set.endpoints().empty()) continue;
    hints.push_back(absl::StrCat(
        "Service ", ToString(port),
        service.all == 0
            ? " has no endpoints"
            : absl::StrCat(" has ", Count(service.all, "endpoint"), ", none of them ready")));
  }
  return hints;
}

}  // namespace sluice::gwctl
