#include "gateway-api/filter.h"

#include "gateway-api/enum_names.h"

namespace sluice::gateway_api {

std::string_view ToString(RouteFilter::Type type) { return NameOf(type); }

}  // namespace sluice::gateway_api
