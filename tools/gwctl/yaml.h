// A document as YAML, in the block style of `kubectl get -o yaml`. Pure.
#pragma once

#include <string>

#include "gateway-api/write.h"

namespace sluice::gwctl {

using gateway_api::Document;

// Text is quoted wherever a YAML reader could take it for something else.
std::string ToYaml(const Document& document);

// Two spaces an indent, and a line end. Text that is no UTF-8 is replaced.
std::string ToJson(const Document& document);

}  // namespace sluice::gwctl
