// The log of every Sluice program: one line to stderr for each event, from INFO up.
// Threads: call once, first in main.
#pragma once

namespace sluice::process {

void InitializeLogging();

}  // namespace sluice::process
