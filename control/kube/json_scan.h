// Cuts JSON text apart without building anything: the values of one object or list as pieces of the
// text. Made for large answers of which most is thrown away. Pure functions, no thread rule.
// Only the layer that is asked for is checked; a piece is checked by whoever parses it. Work is
// linear and nothing recurses, whatever the input.
#pragma once

#include <optional>
#include <string_view>

#include "absl/functional/function_ref.h"

namespace sluice::kube {

// Calls field(key, value) for each field; the key without its quotes, escapes as they stand. False:
// `object` is no object or is cut off; some fields may have been told by then.
[[nodiscard]] bool ForEachField(
    std::string_view object,
    absl::FunctionRef<void(std::string_view key, std::string_view value)> field);
[[nodiscard]] bool ForEachItem(std::string_view list,
                               absl::FunctionRef<void(std::string_view value)> item);

// The text of a string without escapes; nullopt: it is none.
std::optional<std::string_view> PlainText(std::string_view value);

}  // namespace sluice::kube
