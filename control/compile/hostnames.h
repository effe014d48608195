// Hostname patterns of listeners and routes: "" (all), "a.b" (exact), "*.b" (any number of labels
// before ".b"). Pure functions; names in lower case.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::compile {

// True if every name of `inner` is one of `outer`.
bool Covers(std::string_view outer, std::string_view inner);

// The patterns under which a route with these hostnames is served on a listener: their
// intersections, sorted, each once. Empty: they have nothing in common.
std::vector<std::string> Intersect(const std::string& listener,
                                   const std::vector<std::string>& route);

}  // namespace sluice::compile
