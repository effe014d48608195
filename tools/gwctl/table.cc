#include "tools/gwctl/table.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace sluice::gwctl {
namespace {

constexpr size_t kGap = 2;

std::string Shown(std::string cell) {
  for (char& c : cell) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = '?';
  }
  return cell.empty() ? "<none>" : cell;
}

void AppendRow(const Cells& row, const std::vector<size_t>& widths, std::string& out) {
  for (size_t i = 0; i + 1 < row.size(); ++i) {
    absl::StrAppend(&out, row[i], std::string(widths[i] + kGap - row[i].size(), ' '));
  }
  absl::StrAppend(&out, row.back(), "\n");
}

}  // namespace

std::string FormatTable(const Cells& titles, const std::vector<Cells>& rows) {
  std::vector<Cells> shown = {titles};
  for (const Cells& row : rows) {
    std::ranges::transform(row, std::back_inserter(shown.emplace_back()), Shown);
  }
  std::vector<size_t> widths(titles.size(), 0);
  for (const Cells& row : shown) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (const Cells& row : shown) AppendRow(row, widths, out);
  return out;
}

}  // namespace sluice::gwctl
