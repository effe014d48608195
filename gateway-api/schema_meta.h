// Schemas of metadata, selectors and references. A schema is a function Describe(v, struct) that
// names every field of the struct, with the API's rules, to a visitor: Reader fills the struct from
// a document, Writer makes a document of it. One schema serves YAML and JSON, both ways.
#pragma once

#include "gateway-api/label_selector.h"
#include "gateway-api/metadata.h"
#include "gateway-api/reference.h"
#include "gateway-api/rules.h"

namespace sluice::gateway_api {

template <class V>
void Describe(V& v, ObjectMeta& meta) {
  v.Required("name", meta.name, kMetadataName);
  v.Optional("namespace", meta.namespace_, kNamespace);
  v.Optional("uid", meta.uid);
  v.Optional("resourceVersion", meta.resource_version);
  v.Optional("generation", meta.generation, Range{0});
  v.Time("creationTimestamp", meta.creation_time);
  v.Optional("labels", meta.labels, kLabelValue);
  v.Optional("annotations", meta.annotations);
  v.Ignored({"generateName", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds",
             "ownerReferences", "finalizers", "managedFields"});
}

template <class V>
void Describe(V& v, LabelSelector::Requirement& requirement) {
  v.Required("key", requirement.key, kAnnotationKey);
  v.Required("operator", requirement.op);
  v.Optional("values", requirement.values, kLabelValue);
  bool needs_values = requirement.op == LabelSelector::Operator::kIn ||
                      requirement.op == LabelSelector::Operator::kNotIn;
  v.Rule(requirement.values.empty() != needs_values, "values",
         "must be given with In and NotIn, and only with them");
}

template <class V>
void Describe(V& v, LabelSelector& selector) {
  v.Optional("matchLabels", selector.match_labels, kLabelValue);
  v.Optional("matchExpressions", selector.match_expressions);
}

template <class V>
void Describe(V& v, ParentReference& ref) {
  v.Defaulted("group", ref.group, kGroup);
  v.Defaulted("kind", ref.kind, kKind);
  v.Optional("namespace", ref.namespace_, kNamespace);
  v.Required("name", ref.name, kObjectName);
  v.Optional("sectionName", ref.section_name, kSectionName);
  v.Optional("port", ref.port, kPort);
}

template <class V>
void Describe(V& v, BackendObjectReference& ref) {
  v.Defaulted("group", ref.group, kGroup);
  v.Defaulted("kind", ref.kind, kKind);
  v.Required("name", ref.name, kObjectName);
  v.Optional("namespace", ref.namespace_, kNamespace);
  v.Optional("port", ref.port, kPort);
  v.Rule(ref.port != 0 || !ref.group.empty() || ref.kind != "Service", "port",
         "is required for a Service");
}

template <class V>
void Describe(V& v, BackendRef& ref) {
  Describe(v, ref.object);
  v.Defaulted("weight", ref.weight, Range{0, 1'000'000});
}

template <class V>
void Describe(V& v, SecretObjectReference& ref) {
  v.Defaulted("group", ref.group, kGroup);
  v.Defaulted("kind", ref.kind, kKind);
  v.Required("name", ref.name, kObjectName);
  v.Optional("namespace", ref.namespace_, kNamespace);
}

template <class V>
void Describe(V& v, LocalObjectReference& ref) {
  v.Required("group", ref.group, kGroup);
  v.Required("kind", ref.kind, kKind);
  v.Required("name", ref.name, kObjectName);
}

template <class V>
void Describe(V& v, ObjectReference& ref) {
  v.Required("group", ref.group, kGroup);
  v.Required("kind", ref.kind, kKind);
  v.Required("name", ref.name, kObjectName);
  v.Optional("namespace", ref.namespace_, kNamespace);
}

// A route's parentRefs: the standard channel's two rules are left to the compiler, which treats
// each reference on its own.
template <class V>
void DescribeParents(V& v, std::vector<ParentReference>& parent_refs) {
  v.Optional("parentRefs", parent_refs, Count{0, 32});
  v.Unsupported({"useDefaultGateways"});
}

}  // namespace sluice::gateway_api
