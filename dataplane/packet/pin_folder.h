// The folder on a bpffs that holds the pins of one packet path: maps by name, links in a folder of
// their own. Only its owner may look into it. One thread.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace sluice::packet {

class PinFolder {
 public:
  // "/sys/fs/bpf/sluice/v<layout>"
  static std::string DefaultPath();

  // Makes the folder where it is missing (mode 0700).
  static absl::StatusOr<PinFolder> Make(std::string path);
  // Takes away a folder with all links in it, which detaches them, and all other pins.
  static absl::Status Remove(const std::string& path);

  const std::string& path() const { return path_; }
  std::string links() const { return path_ + "/links"; }
  bool was_new() const { return was_new_; }

 private:
  PinFolder(std::string path, bool was_new) : path_(std::move(path)), was_new_(was_new) {}

  std::string path_;
  bool was_new_;
};

}  // namespace sluice::packet
