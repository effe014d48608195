// Requests for routing tests.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/core/arena.h"
#include "dataplane/http/message.h"

namespace sluice::testing {

struct RequestSpec {
  std::string host;
  std::string target = "/";
  std::string method = "GET";
  std::vector<std::pair<std::string, std::string>> headers;
};

// A head with all the memory that it points into.
class TestRequest {
 public:
  explicit TestRequest(RequestSpec spec) : spec_(std::move(spec)) {
    head.host = spec_.host;
    head.authority = spec_.host;
    head.target = spec_.target;
    head.method = spec_.method;
    for (const auto& [name, value] : spec_.headers) head.headers.Add(name, value);
  }

 private:
  RequestSpec spec_;
  core::ArenaPool pool_;
  core::Arena arena_{pool_};

 public:
  http::RequestHead head{arena_};
};

}  // namespace sluice::testing
