#include "tools/gwctl/source.h"

#include "absl/strings/str_cat.h"

namespace sluice::gwctl {

absl::StatusOr<view::View> ViewOfFolder(const std::string& folder, absl::Time now) {
  absl::StatusOr<view::View> view = view::ReadView(folder, now);
  if (view.ok()) return view;
  return absl::Status(view.status().code(), absl::StrCat("cannot read the folder ", folder, ": ",
                                                         view.status().message()));
}

absl::StatusOr<view::View> ViewOfAgent(const std::string& socket_path) {
  return absl::UnavailableError(absl::StrCat("no agent at ", socket_path));
}

}  // namespace sluice::gwctl
