// `get` and `describe`: rows and documents of one or more resources.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tools/gwctl/commands.h"
#include "tools/gwctl/resource.h"
#include "tools/gwctl/words.h"

namespace sluice::gwctl {
namespace {

struct Selection {
  const Resource* resource;
  std::vector<Row> rows;
};

bool Selects(const Resource& resource, const Options& options, const Row& row) {
  const bool here =
      !resource.namespaced || options.all_namespaces || row.name.namespace_ == options.name_space;
  return here && (options.name.empty() || options.name == row.name.name);
}

// What the user may have meant: the same name, or anything, in other namespaces.
std::string NothingFound(const Resource& resource, const Options& options,
                         const std::vector<Row>& all) {
  std::vector<std::string> elsewhere;
  for (const Row& row : all) {
    if (options.name.empty() || options.name == row.name.name) {
      elsewhere.push_back(row.name.namespace_);
    }
  }
  std::string message = options.name.empty()
                            ? absl::StrCat("no ", resource.name)
                            : absl::StrCat(resource.name, " \"", options.name, "\" not found");
  if (!resource.namespaced) return message;
  if (options.all_namespaces) return absl::StrCat(message, " in any namespace");
  absl::StrAppend(&message, " in namespace ", options.name_space);
  if (elsewhere.empty()) return message;
  const bool one =
      std::ranges::count(elsewhere, elsewhere.front()) == static_cast<ptrdiff_t>(elsewhere.size());
  return one ? absl::StrCat(message, "; add -n ", elsewhere.front())
             : absl::StrCat(message, "; there are ", elsewhere.size(),
                            " in other namespaces: add -A or -n NAMESPACE");
}

// Prints what is wrong.
ExitCode Select(const Context& context, const Options& options, const Session& session,
                std::vector<Selection>& selections) {
  ExitCode code = kOk;
  for (std::string_view name : absl::StrSplit(options.resources, ',')) {
    const Resource* resource = FindResource(name);
    if (resource == nullptr) {
      return session.Fail(
          kUsage, absl::StrCat("unknown resource \"", name, "\"; there are ", ResourceNames()));
    }
    const std::vector<Row> all = resource->list(context);
    Selection& selection = selections.emplace_back(Selection{resource, {}});
    std::ranges::copy_if(all, std::back_inserter(selection.rows),
                         [&](const Row& row) { return Selects(*resource, options, row); });
    if (!selection.rows.empty()) continue;
    const ExitCode failed =
        session.Fail(options.name.empty() ? kOk : kProblems, NothingFound(*resource, options, all));
    code = std::max(code, failed);
  }
  return code;
}

void PrintTable(const Selection& selection, const Options& options, std::ostream& out) {
  const Resource& resource = *selection.resource;
  const bool wide = options.output == Output::kWide;
  const bool namespaces = resource.namespaced && options.all_namespaces;
  const auto cells = [&](std::string_view name_space, std::string_view name, auto&& cell) {
    Cells row;
    if (namespaces) row.emplace_back(name_space);
    row.emplace_back(name);
    size_t i = 0;
    for (const Column& column : resource.columns) {
      if (wide || !column.wide) row.emplace_back(cell(i, column));
      ++i;
    }
    return row;
  };
  const Cells titles = cells("NAMESPACE", resource.name_title,
                             [](size_t, const Column& column) { return column.title; });
  std::vector<Cells> rows;
  rows.reserve(selection.rows.size());
  for (const Row& row : selection.rows) {
    rows.push_back(cells(row.name.namespace_, row.name.name,
                         [&](size_t i, const Column&) { return row.cells[i]; }));
  }
  out << FormatTable(titles, rows);
}

void PrintDocuments(const Context& context, const std::vector<Selection>& selections,
                    const Options& options, std::ostream& out) {
  Document items = Document::array();
  for (const Selection& selection : selections) {
    for (const Row& row : selection.rows) {
      items.push_back(selection.resource->document(context, row.name));
    }
  }
  const bool single = !options.name.empty() && items.size() == 1;
  const Document document =
      single ? items.front()
             : Document{{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}};
  out << (options.output == Output::kJson ? ToJson(document) : ToYaml(document));
}

}  // namespace

ExitCode Get(const view::View& view, const Options& options, const Session& session) {
  const Context context(view, session.now);
  std::vector<Selection> selections;
  const ExitCode code = Select(context, options, session, selections);
  if (code != kOk) return code;
  if (options.output == Output::kYaml || options.output == Output::kJson) {
    PrintDocuments(context, selections, options, session.out);
    return kOk;
  }
  std::string_view separator;
  for (const Selection& selection : selections) {
    if (selection.rows.empty()) continue;
    session.out << std::exchange(separator, "\n");
    PrintTable(selection, options, session.out);
  }
  return kOk;
}

ExitCode DescribeCommand(const view::View& view, const Options& options, const Session& session) {
  const Context context(view, session.now);
  std::vector<Selection> selections;
  const ExitCode code = Select(context, options, session, selections);
  if (code != kOk) return code;
  std::string_view separator;
  for (const Selection& selection : selections) {
    for (const Row& row : selection.rows) {
      session.out << std::exchange(separator, "\n")
                  << ToYaml(selection.resource->describe(context, row.name));
    }
  }
  return kOk;
}

}  // namespace sluice::gwctl
