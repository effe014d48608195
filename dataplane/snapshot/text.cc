#include "dataplane/snapshot/text.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>

#include "absl/strings/str_cat.h"

namespace sluice::snapshot {
namespace {

// Keeps the first error; lines and columns count from 0 there.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    if (message_.empty())
      message_ = absl::StrCat("line ", line + 1, ", column ", column + 1, ": ", message);
  }
  const std::string& message() const { return message_; }

 private:
  std::string message_;
};

}  // namespace

std::string ToText(const Snapshot& snapshot) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetUseUtf8StringEscaping(true);
  std::string text;
  printer.PrintToString(snapshot, &text);
  return text;
}

absl::StatusOr<Snapshot> FromText(std::string_view text) {
  FirstError error;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  google::protobuf::io::ArrayInputStream input(text.data(), static_cast<int>(text.size()));
  Snapshot snapshot;
  if (!parser.Parse(&input, &snapshot)) return absl::InvalidArgumentError(error.message());
  return snapshot;
}

}  // namespace sluice::snapshot
