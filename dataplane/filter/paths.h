// Paths and URLs that filters make. Pure; text is made in an arena.
#pragma once

#include <optional>
#include <string_view>

#include "dataplane/core/arena.h"
#include "dataplane/snapshot/snapshot.pb.h"

namespace sluice::filter {

// `path` as the modifier has it. `matched_prefix`: of the match, empty if it was no prefix match; a
// prefix replacement then changes nothing. Never empty.
std::string_view ModifyPath(const snapshot::PathModifier& modifier, std::string_view path,
                            std::string_view matched_prefix, core::Arena& arena);

// path?query
std::string_view JoinTarget(std::string_view path, std::string_view target, core::Arena& arena);

// `text` with every byte that may not stand in a URI (RFC 3986), or that could end a header line,
// as a %-escape. What is escaped already stays.
std::string_view EscapeUri(std::string_view text, core::Arena& arena);

}  // namespace sluice::filter
