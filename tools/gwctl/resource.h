// What `get` and `describe` know: a table of resources, each with its names, its columns, and how
// its rows and documents are made of a View. A resource is an object's kind, or something that
// Sluice makes of objects (a listener, a certificate, a VIP, the endpoints of a Service's port).
// Stateless; any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "control/view/view.h"
#include "tools/gwctl/analyze.h"
#include "tools/gwctl/made.h"
#include "tools/gwctl/relations.h"
#include "tools/gwctl/table.h"
#include "tools/gwctl/yaml.h"

namespace sluice::gwctl {

struct Context {
  Context(const view::View& v, absl::Time t)
      : view(v), now(t), relations(v), endpoints(AllEndpoints(v)), problems(FindProblems(v, t)) {}

  const view::View& view;
  const absl::Time now;
  const Relations relations;
  const EndpointMap endpoints;
  const std::vector<gateway_api::Problem> problems;
};

struct Column {
  std::string_view title;
  bool wide = false;  // only with -o wide
};

struct Row {
  gateway_api::NamespacedName name;
  Cells cells;  // one for each column
};

struct Resource {
  std::string_view name;                            // "httproutes"
  std::initializer_list<std::string_view> aliases;  // the short name first
  bool namespaced = true;
  std::string_view name_title = "NAME";
  std::initializer_list<Column> columns;  // besides NAMESPACE and NAME
  std::vector<Row> (*list)(const Context&);
  // For -o yaml|json, and for describe. REQUIRES: a name that `list` gives.
  Document (*document)(const Context&, const gateway_api::NamespacedName&);
  Document (*describe)(const Context&, const gateway_api::NamespacedName&);
};

std::span<const Resource> Resources();

// By name or alias; null: there is none.
const Resource* FindResource(std::string_view name);

// "gatewayclasses (gc), gateways (gtw), ...".
std::string ResourceNames();

}  // namespace sluice::gwctl
