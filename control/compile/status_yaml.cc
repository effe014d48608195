// Statuses as YAML, in the shape that `kubectl get -o yaml` gives them.
#include "absl/strings/str_cat.h"
#include "control/compile/status.h"

namespace sluice::compile {
namespace {

using gateway_api::NamespacedName;

// Text in double quotes, escaped as JSON and YAML both read it.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      absl::StrAppend(&quoted, "\\u00", absl::Hex(c, absl::kZeroPad2));
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

void AppendHead(std::string_view kind, const NamespacedName& name, std::string& out) {
  absl::StrAppend(&out, out.empty() ? "" : "---\n", "kind: ", kind, "\nmetadata: {");
  if (!name.namespace_.empty()) absl::StrAppend(&out, "namespace: ", name.namespace_, ", ");
  absl::StrAppend(&out, "name: ", name.name, "}\nstatus:\n");
}

void AppendConditions(const std::vector<Condition>& conditions, std::string_view indent,
                      std::string& out) {
  absl::StrAppend(&out, indent, "conditions:\n");
  for (const Condition& c : conditions) {
    absl::StrAppend(&out, indent, "- {type: ", c.type, ", status: \"", c.status ? "True" : "False",
                    "\", reason: ", c.reason, ", observedGeneration: ", c.observed_generation,
                    ",\n", indent, "   message: ", Quoted(c.message), "}\n");
  }
}

void AppendParent(const gateway_api::ParentReference& ref, std::string& out) {
  absl::StrAppend(&out, "{group: ", ref.group, ", kind: ", ref.kind);
  if (!ref.namespace_.empty()) absl::StrAppend(&out, ", namespace: ", ref.namespace_);
  absl::StrAppend(&out, ", name: ", ref.name);
  if (!ref.section_name.empty()) absl::StrAppend(&out, ", sectionName: ", ref.section_name);
  if (ref.port != 0) absl::StrAppend(&out, ", port: ", ref.port);
  absl::StrAppend(&out, "}\n");
}

void AppendParents(const RouteStatus& status, std::string_view list, std::string_view key,
                   std::string& out) {
  absl::StrAppend(&out, "  ", list, ":\n");
  for (const ParentStatus& parent : status.parents) {
    absl::StrAppend(&out, "  - ", key, ": ");
    AppendParent(parent.parent, out);
    absl::StrAppend(&out, "    controllerName: ", kControllerName, "\n");
    AppendConditions(parent.conditions, "    ", out);
  }
}

void AppendListener(const ListenerStatus& listener, std::string& out) {
  absl::StrAppend(&out, "  - name: ", listener.name,
                  "\n    attachedRoutes: ", listener.attached_routes, "\n    supportedKinds: [");
  std::string_view separator;
  for (const auto& kind : listener.supported_kinds) {
    absl::StrAppend(&out, separator, "{group: ", kind.group, ", kind: ", kind.kind, "}");
    separator = ", ";
  }
  absl::StrAppend(&out, "]\n");
  AppendConditions(listener.conditions, "    ", out);
}

void AppendListeners(const std::vector<ListenerStatus>& listeners, std::string& out) {
  absl::StrAppend(&out, "  listeners:", listeners.empty() ? " []" : "", "\n");
  for (const ListenerStatus& listener : listeners) AppendListener(listener, out);
}

void AppendGateway(const GatewayStatus& status, std::string& out) {
  absl::StrAppend(&out, "  addresses:", status.addresses.empty() ? " []" : "", "\n");
  for (const auto& address : status.addresses) {
    absl::StrAppend(&out, "  - {type: ", address.type, ", value: ", Quoted(address.value), "}\n");
  }
  if (status.attached_listener_sets != 0) {
    absl::StrAppend(&out, "  attachedListenerSets: ", status.attached_listener_sets, "\n");
  }
  AppendConditions(status.conditions, "  ", out);
  AppendListeners(status.listeners, out);
}

void AppendClass(const GatewayClassStatus& status, std::string& out) {
  AppendConditions(status.conditions, "  ", out);
  if (!status.supported_features.empty()) absl::StrAppend(&out, "  supportedFeatures:\n");
  for (const std::string& name : status.supported_features) {
    absl::StrAppend(&out, "  - name: ", name, "\n");
  }
}

}  // namespace

std::string ToYaml(const Statuses& statuses) {
  std::string out;
  for (const auto& [name, status] : statuses.gateway_classes) {
    AppendHead("GatewayClass", name, out);
    AppendClass(status, out);
  }
  for (const auto& [name, status] : statuses.gateways) {
    AppendHead("Gateway", name, out);
    AppendGateway(status, out);
  }
  for (const auto& [name, status] : statuses.listener_sets) {
    AppendHead("ListenerSet", name, out);
    AppendConditions(status.conditions, "  ", out);
    AppendListeners(status.listeners, out);
  }
  for (const auto& [key, status] : statuses.routes) {
    AppendHead(key.kind, key.name, out);
    AppendParents(status, "parents", "parentRef", out);
  }
  for (const auto& [name, status] : statuses.backend_tls_policies) {
    AppendHead("BackendTLSPolicy", name, out);
    AppendParents(status, "ancestors", "ancestorRef", out);
  }
  return out;
}

}  // namespace sluice::compile
