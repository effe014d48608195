// metav1.LabelSelector: which labels an object must have. Plain value.
#pragma once

#include <string>
#include <vector>

#include "gateway-api/metadata.h"

namespace sluice::gateway_api {

struct LabelSelector {
  enum class Operator { kIn, kNotIn, kExists, kDoesNotExist };
  struct Requirement {
    std::string key;
    Operator op = Operator::kIn;
    std::vector<std::string> values;

    bool operator==(const Requirement&) const = default;
  };

  StringMap match_labels;
  std::vector<Requirement> match_expressions;

  bool operator==(const LabelSelector&) const = default;
};

// All of the selector's terms hold (an empty selector matches everything). NotIn and DoesNotExist
// hold for an object without the key, as in Kubernetes.
bool Matches(const LabelSelector& selector, const StringMap& labels);

}  // namespace sluice::gateway_api
