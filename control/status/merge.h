// What an object's status shall be, from what the API server has and what we say of it. Pure: the
// time is an input.
// Invariants: what other controllers wrote stays as it is and where it is: parents and ancestors
// with another controllerName, conditions of types that are not ours, fields that we do not know.
// What we wrote and do not say any more goes. A condition keeps its lastTransitionTime while its
// status stays. Within the limits of the CRDs what is foreign goes first, then ours, in order.
// In the flow: Statuses -> *MergeStatus* -> StatusWriter -> API server.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace sluice::status {

using Json = nlohmann::json;

// The new status, or nothing if there is nothing to write: it says the same already, or it was
// written for a newer generation of the object than ours.
// `current` is the status as the server has it ("": none). `ours` is what compile says, in the
// shape of view::StatusDocument; null: nothing, and then only our parents of a route or policy are
// removed. `kind`: GatewayClass, Gateway, ListenerSet, BackendTLSPolicy or a route.
std::optional<Json> MergeStatus(std::string_view kind, std::string_view current, const Json& ours,
                                absl::Time now);

// The merge patch (RFC 7396) that makes `merged` of `current`, field by field of the status: lists
// are replaced as a whole.
Json StatusPatch(std::string_view current, const Json& merged);

// Differ `current` and `merged` in what somebody may wait for? No: in counts and wordings only.
bool IsUrgent(std::string_view current, const Json& merged);

}  // namespace sluice::status
