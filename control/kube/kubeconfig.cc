#include "control/kube/kubeconfig.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice::kube {

using gateway_api::Node;

namespace {

// {name: N, KEY: {...}} for each item of a list; items that are anything else are left out.
void Collect(Node& document, std::string_view list, std::string_view key, const std::string& folder,
             std::vector<Kubeconfig::Entry>& entries) {
  auto field = std::ranges::find(document.fields, list, &gateway_api::Field::key);
  if (field == document.fields.end()) return;
  for (Node& item : field->value.items) {
    const std::string name = TextAt(item, "name");
    auto value = std::ranges::find(item.fields, key, &gateway_api::Field::key);
    const bool known = std::ranges::find(entries, name, &Kubeconfig::Entry::name) != entries.end();
    if (name.empty() || value == item.fields.end() || known) continue;
    entries.push_back({name, std::move(value->value), folder});
  }
}

}  // namespace

const Node* FieldAt(const Node& map, std::string_view key) {
  auto found = std::ranges::find(map.fields, key, &gateway_api::Field::key);
  const bool there = found != map.fields.end() && found->value.kind != Node::Kind::kNull;
  return there ? &found->value : nullptr;
}

std::string TextAt(const Node& map, std::string_view key) {
  const Node* field = FieldAt(map, key);
  return field == nullptr ? "" : field->text;
}

Kubeconfig::~Kubeconfig() {
  for (auto* entries : {&contexts_, &clusters_, &users_}) {
    for (Entry& entry : *entries) gateway_api::Wipe(entry.value);
  }
}

absl::Status Kubeconfig::Merge(std::string_view text, const std::string& path) {
  Node document;
  const gateway_api::SyntaxError error =
      gateway_api::ReadYaml(text, 1, gateway_api::ParseLimits{}, document);
  if (!error.message.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ":", error.line, ":", error.column, ": ", error.message));
  }
  if (document.kind == Node::Kind::kNull) return absl::OkStatus();
  const std::string kind = TextAt(document, "kind");
  if (document.kind != Node::Kind::kMap || (!kind.empty() && kind != "Config")) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is no kubeconfig"));
  }
  const std::string folder = std::filesystem::path(path).parent_path().string();
  if (current_context_.empty()) current_context_ = TextAt(document, "current-context");
  Collect(document, "contexts", "context", folder, contexts_);
  Collect(document, "clusters", "cluster", folder, clusters_);
  Collect(document, "users", "user", folder, users_);
  gateway_api::Wipe(document);
  return absl::OkStatus();
}

const Kubeconfig::Entry* Kubeconfig::Find(const std::vector<Entry>& entries,
                                          std::string_view name) {
  auto found = std::ranges::find(entries, name, &Entry::name);
  return found == entries.end() ? nullptr : &*found;
}

}  // namespace sluice::kube
