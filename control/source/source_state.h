// What any source of objects (a folder, an API server) hands on: one code path from here.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "gateway-api/object_set.h"
#include "gateway-api/parse.h"

namespace sluice::source {

struct SourceState {
  // Never null; the last good ones. Owned by the source, which may change them in place between
  // two calls of on_change: read them at once, keep no reference across turns of the loop.
  std::shared_ptr<const gateway_api::ObjectSet> objects;
  std::vector<gateway_api::Problem> problems;  // of the last reading
  absl::Status health;                         // not ok: it cannot be read at present
};

}  // namespace sluice::source
