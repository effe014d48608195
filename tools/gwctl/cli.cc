#include "tools/gwctl/cli.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/view/view.h"
#include "tools/gwctl/commands.h"
#include "tools/gwctl/resource.h"
#include "tools/gwctl/source.h"
#include "tools/gwctl/words.h"

namespace sluice::gwctl {
namespace {

void AddOutput(CLI::App& app, Options& options, std::vector<std::string> forms) {
  app.add_option("-o,--output", options.form, "Form of the answer")
      ->check(CLI::IsMember(std::move(forms)))
      ->type_name("FORM");
}

Output OutputOf(std::string_view form) {
  if (form == "wide") return Output::kWide;
  if (form == "yaml") return Output::kYaml;
  return form == "json" ? Output::kJson : Output::kTable;
}

void AddSource(CLI::App& app, Options& options) {
  auto* manifests = app.add_option("--manifests", options.manifests, "Read a folder of manifests");
  manifests->type_name("DIR");
  auto* socket = app.add_option(
      "--socket", options.socket,
      absl::StrCat("Ask the agent at this socket; default: ", kAgentSocket, ", if it is there"));
  socket->type_name("PATH")->excludes(manifests);
  app.add_option("--kubeconfig", options.kubeconfig,
                 "Read the cluster of this kubeconfig; default: as kubectl, if no agent is here")
      ->type_name("FILE")
      ->excludes(manifests)
      ->excludes(socket);
  app.add_option("--context", options.context, "Read the cluster of this context")
      ->type_name("NAME")
      ->excludes(manifests)
      ->excludes(socket);
}

void AddSelection(CLI::App& app, Options& options) {
  AddSource(app, options);
  app.add_option("resource", options.resources, "One or more, with commas: " + ResourceNames())
      ->required()
      ->type_name("RESOURCE");
  app.add_option("name", options.name, "Only this one")->type_name("NAME");
  app.add_option("-n,--namespace", options.name_space, "Namespace")
      ->type_name("NS")
      ->capture_default_str();
  app.add_flag("-A,--all-namespaces", options.all_namespaces, "All namespaces");
}

void AddGet(CLI::App& app, Options& options) {
  AddSelection(app, options);
  AddOutput(app, options, {"wide", "yaml", "json"});
}

void AddExplain(CLI::App& app, Options& options) {
  AddSource(app, options);
  app.add_option("url", options.url, "http://... or https://...")->required()->type_name("URL");
  app.add_option("-X,--request", options.method, "Method")
      ->type_name("METHOD")
      ->capture_default_str();
  app.add_option("-H,--header", options.headers, "A header of the request, 'Name: value'")
      ->type_name("HEADER");
  app.add_option("--from", options.from, "The client's address")
      ->type_name("IP")
      ->capture_default_str();
  app.add_option("--vip", options.vip, "The address that the client connects to")->type_name("IP");
  AddOutput(app, options, {"json"});
}

void AddAnalyze(CLI::App& app, Options& options) {
  app.add_option("folder", options.manifests, "Folder of manifests")->required()->type_name("DIR");
  AddOutput(app, options, {"json"});
}

void AddSnapshot(CLI::App& app, Options& options) {
  AddSource(app, options);
  app.add_option("--part", options.part, "Only parts of this kind, such as listeners")
      ->type_name("KIND");
}

void AddStatus(CLI::App& app, Options& options) {
  AddSource(app, options);
  AddOutput(app, options, {"yaml", "json"});
}

struct Command {
  const char* name;
  const char* help;
  void (*add_options)(CLI::App&, Options&);
  ExitCode (*run)(const view::View&, const Options&, const Session&);
};

constexpr Command kCommands[] = {
    {"get", "List resources", AddGet, Get},
    {"describe", "All about a resource, with what refers to it and what is wrong with it",
     AddSelection, DescribeCommand},
    {"explain", "What happens to a request, and why", AddExplain, ExplainCommand},
    {"analyze", "Problems in a folder of manifests, before they are applied", AddAnalyze,
     AnalyzeCommand},
    {"snapshot", "What the data plane runs on, in text form", AddSnapshot, SnapshotCommand},
    {"status", "How the agent and its proxy are", AddStatus, StatusCommand},
};

// What could not be read is missing in every answer but that of analyze, which tells it all.
void TellErrors(const view::View& view, const Session& session) {
  constexpr size_t kMost = 3;
  size_t errors = 0;
  for (const gateway_api::Problem& problem : view.problems) {
    if (problem.severity != gateway_api::Problem::Severity::kError) continue;
    if (++errors <= kMost) session.err << "gwctl: " << ToString(problem) << "\n";
  }
  if (errors > kMost) session.err << "gwctl: " << Count(errors - kMost, "more error") << "\n";
}

// What the agent hands out may not be what the proxy serves yet.
void TellStale(const view::View& view, const Session& session) {
  if (!view.agent) return;
  const bool serves = view.agent->proxy_connected && view.agent->refused.empty() &&
                      view.agent->acknowledged == view.agent->generation;
  if (!serves) session.err << "gwctl: the proxy does not serve this: see gwctl status\n";
}

constexpr char kFooter[] =
    "Exit codes: 0 ok; 1 the answer is no, or there are errors; 2 wrong usage; 3 the folder, the "
    "agent or the cluster cannot be read.";

absl::StatusOr<view::View> ReadView(const Options& options, absl::Time now) {
  if (!options.manifests.empty()) return ViewOfFolder(options.manifests, now);
  if (!options.socket.empty()) return ViewOfAgent(options.socket);
  const bool cluster = !options.kubeconfig.empty() || !options.context.empty();
  if (!cluster && ::access(kAgentSocket, F_OK) == 0) return ViewOfAgent(kAgentSocket);
  return ViewOfCluster({.kubeconfig = options.kubeconfig, .context = options.context}, now);
}

ExitCode RunCommand(const Command& command, const Options& options, const Session& session) {
  absl::StatusOr<view::View> view = ReadView(options, session.now);
  if (!view.ok()) return session.Fail(kUnreadable, view.status().message());
  if (command.run != AnalyzeCommand) TellErrors(*view, session);
  if (command.run != StatusCommand) TellStale(*view, session);
  return command.run(*view, options, session);
}

}  // namespace

ExitCode Run(std::vector<std::string> arguments, const Session& session) {
  CLI::App app("What Sluice serves, and why.", "gwctl");
  app.footer(kFooter);
  app.require_subcommand(1);
  std::map<const CLI::App*, std::pair<const Command*, Options>> commands;
  for (const Command& command : kCommands) {
    CLI::App* sub = app.add_subcommand(command.name, command.help);
    auto& [row, options] = commands[sub];
    row = &command;
    command.add_options(*sub, options);
  }
  try {
    std::ranges::reverse(arguments);  // as CLI11 wants them
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error, session.out, session.err);
    return code == 0 ? kOk : kUsage;
  }
  auto& [command, options] = commands.at(app.get_subcommands().front());
  options.output = OutputOf(options.form);
  return RunCommand(*command, options, session);
}

}  // namespace sluice::gwctl
