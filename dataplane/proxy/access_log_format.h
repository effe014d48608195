// One line for each request, as JSON or as text. Pure functions. Whatever clients put into their
// requests, a line stays one line and holds no control character, so neither a reader nor a
// terminal can be fooled.
#pragma once

#include <string>

#include "dataplane/snapshot/snapshot.pb.h"
#include "dataplane/stream/access_log.h"

namespace sluice::proxy {

// With its newline.
void AppendLine(const stream::AccessRecord& record, snapshot::Settings::AccessLog format,
                std::string& out);

// Within double quotes: valid UTF-8 stays, the rest becomes U+FFFD or \u00XX.
void AppendJsonEscaped(std::string_view text, std::string& out);
// Within double quotes: printable ASCII stays, the rest becomes \xXX.
void AppendTextEscaped(std::string_view text, std::string& out);

}  // namespace sluice::proxy
