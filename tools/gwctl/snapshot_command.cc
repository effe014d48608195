// `snapshot`: what the data plane runs on, or one kind of its parts, in text form.
#include <google/protobuf/descriptor.h>

#include "absl/strings/str_cat.h"
#include "dataplane/snapshot/text.h"
#include "tools/gwctl/commands.h"

namespace sluice::gwctl {
namespace {

// The parts are the Snapshot's fields, by their names.
std::string PartNames() {
  std::string names;
  const google::protobuf::Descriptor* type = snapshot::Snapshot::descriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    absl::StrAppend(&names, names.empty() ? "" : ", ", type->field(i)->name());
  }
  return names;
}

}  // namespace

ExitCode SnapshotCommand(const view::View& view, const Options& options, const Session& session) {
  snapshot::Snapshot shown = view.snapshot;
  if (!options.part.empty()) {
    const google::protobuf::Descriptor* type = snapshot::Snapshot::descriptor();
    if (type->FindFieldByName(options.part) == nullptr) {
      return session.Fail(
          kUsage, absl::StrCat("unknown part \"", options.part, "\"; there are ", PartNames()));
    }
    for (int i = 0; i < type->field_count(); ++i) {
      if (type->field(i)->name() != options.part) {
        shown.GetReflection()->ClearField(&shown, type->field(i));
      }
    }
  }
  session.out << snapshot::ToText(shown);
  return kOk;
}

}  // namespace sluice::gwctl
