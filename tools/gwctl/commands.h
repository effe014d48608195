// The commands, as the table in cli.cc names them. Each prints its answer and returns the exit
// code.
#pragma once

#include "control/view/view.h"
#include "tools/gwctl/session.h"

namespace sluice::gwctl {

ExitCode Get(const view::View& view, const Options& options, const Session& session);
ExitCode DescribeCommand(const view::View& view, const Options& options, const Session& session);
ExitCode ExplainCommand(const view::View& view, const Options& options, const Session& session);
ExitCode AnalyzeCommand(const view::View& view, const Options& options, const Session& session);
ExitCode SnapshotCommand(const view::View& view, const Options& options, const Session& session);
ExitCode StatusCommand(const view::View& view, const Options& options, const Session& session);

}  // namespace sluice::gwctl
