// What users may be told of a generation, given what the data plane made of it: "Programmed" is
// said only of what the proxy has acknowledged. Pure.
#pragma once

#include <string>

#include "control/compile/status.h"

namespace sluice::publish {

enum class Outcome {
  kApplied,  // the proxy serves it
  kPending,  // the proxy has not answered yet
  kRefused,  // the proxy serves the previous generation on
};

// `why` goes into the message of each Programmed condition that turns false: reason Pending, or
// Invalid for a refused generation.
compile::Statuses FinalStatuses(compile::Statuses compiled, Outcome outcome,
                                const std::string& why);

}  // namespace sluice::publish
