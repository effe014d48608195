// What a rule does to a request and its response besides forwarding: a closed set, one switch.
// Stateless; any thread. Text that it makes lives in the head's arena; text of the filters is
// borrowed, so they must outlive the head (the stream holds its generation). Header names in
// filters are in lower case, as RouteTable makes them.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "dataplane/http/message.h"
#include "dataplane/snapshot/snapshot.pb.h"

namespace sluice::filter {

// What a filter needs to know of the request besides its head.
struct RequestContext {
  uint32_t listener_port = 0;
  std::string_view matched_prefix;  // of a PathPrefix match, else empty; for prefix replacement
};

struct LocalRedirect {
  int status = 0;
  std::string_view location;  // in the head's arena
};

// Applies request filters in order: header modifiers and rewrites change `head`; a redirect ends
// the request and is returned.
std::optional<LocalRedirect> ApplyToRequest(std::span<const snapshot::Filter> filters,
                                            const RequestContext& context, http::RequestHead& head);

// Applies response header modifiers in order.
void ApplyToResponse(std::span<const snapshot::Filter> filters, http::ResponseHead& head);

}  // namespace sluice::filter
