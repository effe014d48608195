// What a command works with: its options, its streams and the time. So that a test runs gwctl as a
// whole and compares all that it says. One thread.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace sluice::gwctl {

inline constexpr char kAgentSocket[] = "/run/sluice/admin.sock";

// For scripts.
enum ExitCode : int {
  kOk = 0,
  kProblems = 1,    // the answer is no: not found, no route, errors in manifests
  kUsage = 2,       // the command line is wrong
  kUnreadable = 3,  // the folder, the agent or the cluster cannot be read
};

enum class Output { kTable, kWide, kYaml, kJson };

struct Options {
  // Where from: a folder; an API server, if that is named; the agent, if it or its socket is there;
  // else the API server of the usual kubeconfig.
  std::string manifests;
  std::string socket;  // "": kAgentSocket
  std::string kubeconfig;
  std::string context;

  // get, describe
  std::string resources;  // one or more, with commas
  std::string name;
  std::string name_space = "default";
  bool all_namespaces = false;
  std::string form;  // of -o, as written
  Output output = Output::kTable;

  // explain
  std::string url;
  std::string method = "GET";
  std::vector<std::string> headers;  // "Name: value"
  std::string from = "192.0.2.1";    // the client's address
  std::string vip;                   // "": the first that serves the host

  std::string folder;  // analyze
  std::string part;    // snapshot; "": all of it
};

struct Session {
  std::ostream& out;
  std::ostream& err;
  absl::Time now;

  // One line on the error stream.
  ExitCode Fail(ExitCode code, std::string_view message) const {
    err << "gwctl: " << message << "\n";
    return code;
  }
};

}  // namespace sluice::gwctl
