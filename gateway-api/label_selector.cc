#include "gateway-api/label_selector.h"

#include <algorithm>

namespace sluice::gateway_api {
namespace {

bool Holds(const LabelSelector::Requirement& requirement, const StringMap& labels) {
  auto label = labels.find(requirement.key);
  bool present = label != labels.end();
  bool listed =
      present && std::ranges::find(requirement.values, label->second) != requirement.values.end();
  switch (requirement.op) {
    case LabelSelector::Operator::kIn:
      return listed;
    case LabelSelector::Operator::kNotIn:
      return !listed;
    case LabelSelector::Operator::kExists:
      return present;
    case LabelSelector::Operator::kDoesNotExist:
      return !present;
  }
  return false;
}

}  // namespace

bool Matches(const LabelSelector& selector, const StringMap& labels) {
  for (const auto& [key, value] : selector.match_labels) {
    auto label = labels.find(key);
    if (label == labels.end() || label->second != value) return false;
  }
  return std::ranges::all_of(selector.match_expressions,
                             [&](const auto& requirement) { return Holds(requirement, labels); });
}

}  // namespace sluice::gateway_api
