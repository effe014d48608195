// Parts of a Snapshot in words, as explain prints them. Pure functions.
#pragma once

#include <string>

#include "dataplane/snapshot/snapshot.pb.h"

namespace sluice::gwctl {

// `PathPrefix /x, method GET, header a = "b", query q ~ "c+"`.
std::string Phrase(const snapshot::Match& match);
// `set request headers a: b, c: d; remove e`.
std::string Phrase(const snapshot::Filter& filter);
// "HTTPRoute ns/name, rule 0 (its name)".
std::string Phrase(const snapshot::Rule& rule);

std::string_view Name(snapshot::Match::PathType type);  // "PathPrefix"

}  // namespace sluice::gwctl
