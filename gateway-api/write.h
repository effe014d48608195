// Objects out: the document that gives the object when it is parsed, with the API's defaults filled
// in. The counterpart of parse.h, by the same schemas. A Secret's values never leave: its keys do,
// with empty values. Statuses are not part of objects here (but AddressPool's allocations are).
// Pure functions, no thread rule.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "gateway-api/object_set.h"

namespace sluice::gateway_api {

using Document = nlohmann::ordered_json;  // keys in the order of the schema

Document ToDocument(const Object& object);

}  // namespace sluice::gateway_api
