// A View as a document and back: what the agent's admin socket hands out, and the objects with
// their statuses as `kubectl get -o json` has them. Pure.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "control/view/view.h"
#include "gateway-api/write.h"

namespace sluice::view {

using gateway_api::Document;

// The object of `view`, with its status if it has one that is ours.
Document ToDocument(const View& view, const gateway_api::Object& object);

// The status of an object; null if there is none.
Document StatusDocument(const compile::Statuses& statuses, std::string_view kind,
                        const gateway_api::NamespacedName& name);

Document ToDocument(const CertificateFacts& facts);
Document ToDocument(const AgentState& agent);

// What the status of an object says, as an API server has it, is added to `statuses`: of its
// parents and ancestors those that are ours. InvalidArgument: it is no status of that kind.
absl::Status ReadStatus(std::string_view json, std::string_view kind,
                        const gateway_api::NamespacedName& name, compile::Statuses& statuses);

// The whole View as JSON. Text that is no UTF-8 is replaced.
std::string ToJson(const View& view);
// InvalidArgument: not a View of this version.
absl::StatusOr<View> FromJson(std::string_view json);

}  // namespace sluice::view
