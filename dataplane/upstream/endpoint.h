// An endpoint as one worker knows it: its address, how it fared lately, the connections that can
// take another exchange: idle ones (HTTP/1), or those with room for more streams (HTTP/2).
// One thread. It outlives the generation that named it for as long as a connection to it does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/core/address.h"

namespace sluice::upstream {

class Connection;

struct Endpoint {
  explicit Endpoint(const core::Address& to) : address(to), text(to.text()) {}

  const core::Address address;
  const std::string text;          // for the access log
  std::vector<Connection*> ready;  // last in, first out: the warmest first
  uint64_t avoid_until_ms = 0;     // a connect failed: others first until then
  uint32_t failures = 0;           // in a row
  uint32_t capacity = 0;           // exchanges that a connection took at last; 0: not known
  bool retired = false;            // no longer in the cluster: finish what is open
};

}  // namespace sluice::upstream
