#include "control/agent/known_nodes.h"

#include <algorithm>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "control/agent/state_files.h"

namespace sluice::agent {
namespace {

constexpr size_t kMostNames = 64;
constexpr size_t kMaxNameBytes = 253;

bool IsName(const std::string& line) {
  return !line.empty() && line.size() <= kMaxNameBytes &&
         std::ranges::all_of(line, [](char c) { return absl::ascii_isgraph(c); });
}

}  // namespace

std::vector<std::string> ReadKnownNodes(const std::string& path) {
  std::vector<std::string> names;
  std::ifstream file(path);
  for (std::string line; names.size() < kMostNames && std::getline(file, line);) {
    if (IsName(line)) names.push_back(line);
  }
  return names;
}

absl::Status WriteKnownNodes(const std::string& path, const std::vector<std::string>& names) {
  return ReplaceFile(path, absl::StrCat(absl::StrJoin(names, "\n"), names.empty() ? "" : "\n"));
}

}  // namespace sluice::agent
