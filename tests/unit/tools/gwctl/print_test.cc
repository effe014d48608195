#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tools/gwctl/table.h"
#include "tools/gwctl/yaml.h"

namespace sluice::gwctl {
namespace {

TEST(FormatTable, PadsColumnsAndEndsLinesWithoutSpaces) {
  EXPECT_EQ(FormatTable({"NAME", "B"}, {{"a", "long"}, {"longer", ""}}),
            "NAME    B\n"
            "a       long\n"
            "longer  <none>\n");
  EXPECT_EQ(FormatTable({"NAME"}, {}), "NAME\n");
}

TEST(FormatTable, LetsNoCellWriteToTheTerminal) {
  EXPECT_EQ(FormatTable({"A"}, {{"x\x1b[2Jy\nz"}}), "A\nx?[2Jy?z\n");
}

TEST(ToYaml, QuotesWhatCouldBeReadAsSomethingElse) {
  const Document document = Document::parse(R"({
    "text": "plain words", "empty": "", "yes": "yes", "number": "80", "int": 80, "real": true,
    "star": "*.x", "colon": "a: b", "time": "12:30", "hash": "a #b", "tilde": "~", "line": "a\nb",
    "list": [], "map": {}, "null": null, "items": [{"a": 1, "b": [2, 3]}, [4], "c"]})");
  EXPECT_EQ(ToYaml(document), R"(text: plain words
empty: ""
"yes": "yes"
number: "80"
int: 80
real: true
star: "*.x"
colon: "a: b"
time: "12:30"
hash: "a #b"
tilde: "~"
line: "a\nb"
list: []
map: {}
"null": null
items:
- a: 1
  b:
  - 2
  - 3
-
  - 4
- c
)");
}

TEST(ToJson, ReplacesWhatIsNoUtf8) {
  EXPECT_EQ(ToJson(Document{{"a", "\xff"}}), "{\n  \"a\": \"\xef\xbf\xbd\"\n}\n");
}

}  // namespace
}  // namespace sluice::gwctl
