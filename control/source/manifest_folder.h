// Reads a folder of manifests: every *.yaml, *.yml and *.json under it, as texts.
// Stateless; any thread. Work is bounded, whatever lies there: depth, number and size of files,
// and links that lead back are followed once.
// Names that begin with a dot are left out, which is also what a Kubernetes volume needs: its files
// are links into the folder that `..data` links to, and would be found twice.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gateway-api/parse.h"

namespace sluice::source {

struct FolderLimits {
  int max_depth = 16;
  size_t max_files = 20'000;
  size_t max_file_bytes = gateway_api::ParseLimits{}.max_file_bytes;
};

struct FolderContent {
  std::vector<gateway_api::File> files;        // sorted by path; paths begin with the folder's name
  std::vector<gateway_api::Problem> problems;  // what could not be read; the rest is there
  std::vector<std::string> folders;            // all that were read, for watching
  std::vector<std::string> links;              // files that are symbolic links, for watching
};

// An error only if the folder itself cannot be read.
absl::StatusOr<FolderContent> ReadFolder(const std::string& path, const FolderLimits& limits = {});

}  // namespace sluice::source
