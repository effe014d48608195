// gwctl's command line: parses it, gets a View and runs the command.
#pragma once

#include <string>
#include <vector>

#include "tools/gwctl/session.h"

namespace sluice::gwctl {

// `arguments` without the program's name.
ExitCode Run(std::vector<std::string> arguments, const Session& session);

}  // namespace sluice::gwctl
