// A text table as kubectl prints them: upper-case titles, columns padded with spaces, two between
// them. Pure.
#pragma once

#include <string>
#include <vector>

namespace sluice::gwctl {

using Cells = std::vector<std::string>;

// Every row has as many cells as there are titles. A cell's control characters are shown as '?', so
// that no object can write to the terminal; an empty cell as "<none>".
std::string FormatTable(const Cells& titles, const std::vector<Cells>& rows);

}  // namespace sluice::gwctl
