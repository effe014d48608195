#include "tools/gwctl/describe_object.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "tools/gwctl/made.h"
#include "tools/gwctl/words.h"

namespace sluice::gwctl {
namespace {

constexpr size_t kMostBackends = 10;

Document RouteList(const Relations::Routes& routes) {
  Document list = Document::array();
  for (const compile::ObjectKey& key : routes) {
    list.push_back({{"Kind", key.kind}, {"Name", ToString(key.name)}});
  }
  return list;
}

void AddBackends(const Document& spec, const std::string& own, const Context& context,
                 Document& out) {
  std::set<std::string> names;
  for (const Document& rule : spec.value("rules", Document::array())) {
    for (const Document& ref : rule.value("backendRefs", Document::array())) {
      names.insert(absl::StrCat(ref.value("namespace", own), "/", ref.value("name", ""), ":",
                                ref.value("port", 0)));
    }
  }
  Document list = Document::array();
  for (const std::string& name : names) {
    if (list.size() == kMostBackends) {
      list.push_back("(Truncated)");
      break;
    }
    const auto* set = FindEndpoints(context.view.snapshot, name);
    list.push_back({{"Service", name},
                    {"Endpoints", set == nullptr ? 0 : set->endpoints_size()},
                    {"Resolved", set != nullptr}});
  }
  if (!list.empty()) out["Backends"] = std::move(list);
}

// What one kind has beside the keys that all have.
void AddRelations(const Context& context, std::string_view kind, const NamespacedName& name,
                  const Document& spec, Document& out) {
  const Relations& relations = context.relations;
  if (kind == "GatewayClass") {
    Document list = Document::array();
    for (const auto& gateway : Of(relations.gateways_of_class, name.name)) {
      list.push_back(ToString(gateway));
    }
    out["AttachedGateways"] = std::move(list);
  } else if (kind == "Gateway") {
    out["AttachedRoutes"] = RouteList(Of(relations.routes_of_gateway, name));
  } else if (kind == "Service") {
    out["ReferencedByRoutes"] = RouteList(Of(relations.routes_of_service, name));
  } else if (kind.ends_with("Route")) {
    AddBackends(spec, name.namespace_, context, out);
  }
}

void AddAnalysis(const Context& context, const std::string& object, Document& out) {
  Document list = Document::array();
  for (const gateway_api::Problem& problem : context.problems) {
    if (problem.object != object) continue;
    const bool error = problem.severity == gateway_api::Problem::Severity::kError;
    list.push_back(absl::StrCat(error ? "error: " : "warning: ", problem.path,
                                problem.path.empty() ? "" : ": ", problem.message));
  }
  out["Analysis"] = std::move(list);
}

const gateway_api::Listener& FindListener(const Context& context, const NamespacedName& name,
                                          NamespacedName& gateway) {
  const size_t slash = name.name.find('/');
  gateway = {name.namespace_, name.name.substr(0, slash)};
  const auto* object = context.view.objects.Find<gateway_api::Gateway>(gateway);
  return *std::ranges::find(object->listeners, name.name.substr(slash + 1),
                            &gateway_api::Listener::name);
}

}  // namespace

Document Describe(const Context& context, std::string_view kind, const NamespacedName& name,
                  const Document& document) {
  Document out = {{"Name", name.name}};
  if (!name.namespace_.empty()) out["Namespace"] = name.namespace_;
  Document metadata = document["metadata"];
  out["Labels"] = metadata.value("labels", Document::object());
  out["Annotations"] = metadata.value("annotations", Document::object());
  out["APIVersion"] = document["apiVersion"];
  out["Kind"] = document["kind"];
  for (const char* key : {"name", "namespace", "labels", "annotations"}) metadata.erase(key);
  if (!metadata.empty()) out["Metadata"] = metadata;
  const Document spec = document.value("spec", Document::object());
  out["Spec"] = spec;
  if (document.contains("status")) out["Status"] = document["status"];
  AddRelations(context, kind, name, spec, out);
  AddAnalysis(context, absl::StrCat(kind, " ", ToString(name)), out);
  return out;
}

Document ListenerDocument(const Context& context, const NamespacedName& name) {
  NamespacedName gateway;
  const gateway_api::Listener& listener = FindListener(context, name, gateway);
  Document out = {{"gateway", ToString(gateway)}};
  const Document parent = ObjectDocument<gateway_api::Gateway>(context, gateway);
  for (const Document& spec : parent["spec"]["listeners"]) {
    if (spec["name"] == listener.name) out["spec"] = spec;
  }
  if (!parent.contains("status")) return out;
  for (const Document& status : parent["status"].value("listeners", Document::array())) {
    if (status["name"] == listener.name) out["status"] = status;
  }
  return out;
}

Document DescribeListener(const Context& context, const NamespacedName& name) {
  Document out = ListenerDocument(context, name);
  const std::string id = absl::StrCat(name.namespace_, "/", name.name);
  Document hosts = Document::array();
  for (const snapshot::Host& host : context.view.snapshot.hosts()) {
    if (host.listener_id() != id) continue;
    hosts.push_back({{"Hostname", host.hostname().empty() ? "*" : host.hostname()},
                     {"Matches", host.matches_size()}});
  }
  return {{"Name", name.name},
          {"Namespace", name.namespace_},
          {"Spec", out["spec"]},
          {"Status", out.value("status", Document::object())},
          {"Hosts", std::move(hosts)}};
}

Document EndpointDocument(const Context& context, const NamespacedName& name) {
  const ServiceEndpoints& service = context.endpoints.at(name);
  Document ready = Document::array();
  for (const auto& endpoint : service.set.endpoints()) {
    ready.push_back({{"address", endpoint.address()}, {"port", endpoint.port()}});
  }
  return {{"name", name.name},
          {"namespace", name.namespace_},
          {"all", service.all},
          {"ready", std::move(ready)}};
}

Document CertificateDocument(const Context& context, const NamespacedName& name) {
  return view::ToDocument(*FindCertificate(context.view, name));
}

Document DescribeCertificate(const Context& context, const NamespacedName& name) {
  const view::CertificateFacts& facts = *FindCertificate(context.view, name);
  Document out = {{"Name", name.name}, {"Namespace", name.namespace_}};
  out["Status"] = CertificateDocument(context, name);
  if (facts.problem.empty()) out["TimeLeft"] = TimeLeft(facts.not_after, context.now);
  out["Listeners"] = Of(context.relations.listeners_of_secret, name);
  AddAnalysis(context, absl::StrCat("Secret ", ToString(name)), out);
  return out;
}

Document VipDocument(const Context& context, const NamespacedName& name) {
  Document out = {{"address", name.name}, {"pool", PoolOf(context.view, name.name)}};
  for (const snapshot::Vip& vip : context.view.snapshot.vips()) {
    if (vip.address() != name.name) continue;
    out["announced"] = vip.announce();
    out["interfaces"] =
        Document(std::vector<std::string>(vip.interfaces().begin(), vip.interfaces().end()));
    out["gateways"] =
        Document(std::vector<std::string>(vip.gateways().begin(), vip.gateways().end()));
    out["ports"] = Document::array();
    for (const auto& port : vip.ports()) out["ports"].push_back(port.port());
  }
  if (!context.view.agent) return out;
  for (const view::VipState& vip : context.view.agent->vips) {
    if (vip.address != name.name) continue;
    out["owned"] = vip.owned;
    for (const view::Counter& counter : vip.counters)
      out["counters"][counter.reason] = counter.packets;
  }
  return out;
}

}  // namespace sluice::gwctl
