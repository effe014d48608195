// Compile, again and again: a Compiler remembers the parts of the last result, with what each was
// made of, and makes only those anew that a change concerns. The result always equals a Compile
// from scratch, byte for byte. One thread at a time.
//
// Parts: a route's rules (the route, its Services, grants, policies) and its parents (the route,
// listeners, namespaces); a host (the routes on it); a cluster's endpoints (its Service and
// EndpointSlices). Classes, addresses, certificates and listeners are few, and made anew each time.
#pragma once

#include <memory>

#include "control/compile/compile.h"

namespace sluice::compile {

class Compiler {
 public:
  Compiler();
  Compiler(const Compiler&) = delete;
  Compiler& operator=(const Compiler&) = delete;
  ~Compiler();

  Compiled Compile(const gateway_api::ObjectSet& objects, const CompileOptions& options);

 private:
  struct Memory;
  std::unique_ptr<Memory> memory_;
};

}  // namespace sluice::compile
