#include "control/compile/route_part.h"

#include <algorithm>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "control/compile/conditions.h"

namespace sluice::compile {
namespace {

using gateway_api::GrpcRoute;
using gateway_api::HttpRoute;
using gateway_api::NamespacedName;

template <typename Route>
constexpr bool kServed = std::is_same_v<Route, HttpRoute> || std::is_same_v<Route, GrpcRoute>;

template <typename Pointer>
using RouteOf = std::remove_const_t<typename Pointer::element_type>;

RouteHead HeadOf(const AnyRoute& any) {
  static const std::vector<std::string> kNoHostnames;
  return std::visit(
      [](const auto& route) -> RouteHead {
        const std::vector<std::string>* hostnames = &kNoHostnames;
        if constexpr (requires { route->hostnames; }) hostnames = &route->hostnames;
        return {route->kKind, route->meta, route->parent_refs, *hostnames};
      },
      any);
}

bool IsServedKind(const AnyRoute& any) {
  return std::visit(
      [](const auto& route) { return kServed<RouteOf<std::decay_t<decltype(route)>>>; }, any);
}

std::vector<NamespacedName> ServicesOf(const AnyRoute& any) {
  std::vector<NamespacedName> services;
  std::visit(
      [&](const auto& route) {
        if constexpr (kServed<RouteOf<std::decay_t<decltype(route)>>>) {
          for (const auto& rule : route->rules) {
            for (const gateway_api::HttpBackendRef& ref : rule.backend_refs) {
              const gateway_api::BackendObjectReference& to = ref.backend.object;
              services.push_back(
                  {to.namespace_.empty() ? route->meta.namespace_ : to.namespace_, to.name});
            }
          }
        }
      },
      any);
  return services;
}

bool IsServed(const RulePlan& rule) { return rule.unsupported.empty(); }

// "rule 1 (RequestMirror ...), rule 3 (...)".
std::string DescribeUnsupported(const std::vector<RulePlan>& rules) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < rules.size(); ++i) {
    if (IsServed(rules[i])) continue;
    parts.push_back(absl::StrCat("rule ", i, " (", rules[i].unsupported, ")"));
  }
  return absl::StrJoin(parts, ", ");
}

Condition Resolved(const std::vector<RulePlan>& rules) {
  for (const RulePlan& rule : rules) {
    if (rule.unresolved) return *rule.unresolved;
  }
  return RouteResolvedRefs();
}

RouteStatus ReportParents(const RoutePart& part, const Condition& accepted,
                          const std::vector<Condition>& others) {
  RouteStatus status;
  for (const ParentPlan& parent : part.parents) {
    ParentStatus& answer = status.parents.emplace_back();
    answer.parent = *parent.ref;
    answer.conditions.push_back(parent.refused.value_or(accepted));
    for (const Condition& other : others) {
      bool partial = other.type == "PartiallyInvalid";
      if (!partial || !parent.refused) answer.conditions.push_back(other);
    }
    Stamp(answer.conditions, part.head.meta.generation);
  }
  return status;
}

}  // namespace

RoutePart::RoutePart(AnyRoute route)
    : object(std::move(route)),
      head(HeadOf(object)),
      served_kind(IsServedKind(object)),
      services(ServicesOf(object)) {}

bool RoutePart::counted() const {
  return served_kind && admitted && (rules.empty() || std::ranges::any_of(rules, IsServed));
}

void FillRules(const Backends& backends, RoutePart& part) {
  std::visit(
      [&](const auto& route) {
        if constexpr (kServed<RouteOf<std::decay_t<decltype(route)>>>) {
          part.rules = CompileRules(*route, backends);
        }
      },
      part.object);
}

void FillParents(const Attacher& attacher, RoutePart& part) {
  part.parents = attacher.Attach(part.head);
  part.places.clear();
  part.listeners.clear();
  for (const ParentPlan& parent : part.parents) {
    for (const Attachment& attachment : parent.attachments) {
      part.listeners.insert(attachment.listener);
      const ListenerPlan& listener = *attacher.listeners()[attachment.listener];
      if (!listener.served()) continue;
      for (const std::string& hostname : attachment.hostnames) {
        part.places.emplace(listener.id, hostname);
      }
    }
  }
}

void FillNeeds(RoutePart& part) {
  part.needs = {};
  if (part.places.empty()) return;
  for (const RulePlan& rule : part.rules) {
    part.needs.matches += rule.matches.size() * part.places.size();
    part.needs.clusters += rule.clusters.size();
  }
  part.needs.hosts = part.places.size();
  part.needs.rules = part.rules.size();
}

void FillStatus(RoutePart& part) {
  part.status.reset();
  if (part.parents.empty()) return;
  Condition accepted = RouteAccepted();
  std::vector<Condition> others;
  if (part.served_kind) others.push_back(Resolved(part.rules));
  if (!part.served_kind) {
    accepted =
        RouteUnsupportedValue(absl::StrCat("the kind ", part.head.kind, " is not supported"));
  } else if (!part.admitted) {
    accepted = RouteBeyondLimits();
  } else if (!part.counted()) {
    accepted = RouteUnsupportedValue(DescribeUnsupported(part.rules));
  } else if (!std::ranges::all_of(part.rules, IsServed)) {
    others.push_back(RoutePartiallyInvalid(DescribeUnsupported(part.rules)));
  }
  part.status = ReportParents(part, accepted, others);
}

}  // namespace sluice::compile
