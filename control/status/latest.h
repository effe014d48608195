// The newest that we know of an object that we write to ourselves. The answer to a write says more
// than the watch, until its event comes; without that, a second change in between would be merged
// into what was there before the first. A plain value, one an object.
// resourceVersions are only compared for equality.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/kube/cluster_source.h"

namespace sluice::status {

class Latest {
 public:
  // Given what the watch says; null: there is no such object.
  const kube::Known* Pick(const kube::Known* watched);

  // What a read or write answered that was based on the version `before`.
  void Answered(std::string_view before, kube::Known answer);
  // There is no such object any more.
  void Gone(std::string_view before);

 private:
  std::vector<std::string> past_;   // versions that the watch may still show; empty: believe it
  std::optional<kube::Known> own_;  // nothing: it is gone
};

// What an answer's body, an object, says. Nothing: it is none.
std::optional<kube::Known> ReadKnown(std::string_view body);

}  // namespace sluice::status
