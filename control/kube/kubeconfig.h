// One or more kubeconfig files, merged: of two entries with the same name the first counts, as in
// kubectl. A plain value; borrows nothing. Relative paths are those of the file they stand in.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gateway-api/node.h"

namespace sluice::kube {

class Kubeconfig {
 public:
  // One of the lists' entries: the map that is named, and the folder of its file.
  struct Entry {
    std::string name;
    gateway_api::Node value;
    std::string folder;
  };

  // Adds a file's text; `path` is for messages and relative paths.
  absl::Status Merge(std::string_view text, const std::string& path);

  const std::string& current_context() const { return current_context_; }
  const std::vector<Entry>& contexts() const { return contexts_; }
  const Entry* FindContext(std::string_view name) const { return Find(contexts_, name); }
  const Entry* FindCluster(std::string_view name) const { return Find(clusters_, name); }
  const Entry* FindUser(std::string_view name) const { return Find(users_, name); }

  Kubeconfig() = default;
  Kubeconfig(Kubeconfig&&) = default;
  Kubeconfig& operator=(Kubeconfig&&) = default;
  ~Kubeconfig();  // wipes what was read

 private:
  static const Entry* Find(const std::vector<Entry>& entries, std::string_view name);

  std::string current_context_;
  std::vector<Entry> contexts_, clusters_, users_;
};

// Null: it is not there, or null.
const gateway_api::Node* FieldAt(const gateway_api::Node& map, std::string_view key);
// A scalar field's text; "" if it is not there.
std::string TextAt(const gateway_api::Node& map, std::string_view key);

}  // namespace sluice::kube
