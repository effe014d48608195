#include "dataplane/process/logging.h"

#include "absl/base/log_severity.h"
#include "absl/log/globals.h"
#include "absl/log/initialize.h"

namespace sluice::process {

void InitializeLogging() {
  absl::InitializeLog();  // also loads the time zone, which the sandbox could not
  absl::SetStderrThreshold(absl::LogSeverityAtLeast::kInfo);
}

}  // namespace sluice::process
