#include "control/kube/object_text.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "control/kube/json_scan.h"

namespace sluice::kube {
namespace {

// "key=value|key=value", and "!" at the end if the text is not whole.
std::string Fields(std::string_view object) {
  std::vector<std::string> fields;
  const bool whole = ForEachField(object, [&](std::string_view key, std::string_view value) {
    fields.push_back(absl::StrCat(key, "=", value));
  });
  return absl::StrCat(absl::StrJoin(fields, "|"), whole ? "" : "!");
}

std::string Items(std::string_view list) {
  std::vector<std::string_view> items;
  const bool whole = ForEachItem(list, [&](std::string_view item) { items.push_back(item); });
  return absl::StrCat(absl::StrJoin(items, "|"), whole ? "" : "!");
}

TEST(JsonScan, CutsObjects) {
  struct Case {
    std::string_view text, fields;
  };
  for (const Case& row : {
           Case{"{}", ""},
           Case{" { } \n", ""},
           Case{R"({"a":1,"b":"x"})", R"(a=1|b="x")"},
           Case{R"( { "a" : { "b" : [ 1 , 2 ] } , "c" : null } )",
                R"(a={ "b" : [ 1 , 2 ] }|c=null)"},
           Case{R"({"a":"}\"]","b":["]",{"}":"{"}]})", R"(a="}\"]"|b=["]",{"}":"{"}])"},
           Case{R"({"a\"b":-1.5e3})", R"(a\"b=-1.5e3)"},
           Case{"", "!"},
           Case{"[]", "!"},
           Case{"{", "!"},
           Case{R"({"a")", "!"},
           Case{R"({"a":)", "!"},
           Case{R"({"a":})", "!"},
           Case{R"({"a":1)", "a=1!"},
           Case{R"({"a":1,})", "a=1!"},
           Case{R"({"a":1 "b":2})", "a=1!"},
           Case{R"({a:1})", "!"},
           Case{R"({"a":{"b":1})", R"(a={"b":1}!)"},
           Case{R"({"a":"x)", "!"},
           Case{R"({"a":"\)", "!"},
           Case{R"({"a":1}x)", "a=1!"},
       }) {
    EXPECT_EQ(Fields(row.text), row.fields) << row.text;
  }
}

TEST(JsonScan, CutsLists) {
  struct Case {
    std::string_view text, items;
  };
  for (const Case& row : {
           Case{"[]", ""},
           Case{"[ 1 , \"a,]\" , {\"b\":[]} ]", "1|\"a,]\"|{\"b\":[]}"},
           Case{"[1", "1!"},
           Case{"[,]", "!"},
           Case{"[[[[", "!"},
           Case{"{}", "!"},
       }) {
    EXPECT_EQ(Items(row.text), row.items) << row.text;
  }
}

TEST(JsonScan, IsNotBotheredByDepth) {
  const std::string deep = std::string(1'000'000, '[');
  EXPECT_EQ(Items(deep), "!");
}

constexpr std::string_view kRoute = R"({
  "apiVersion":"example.io/v0","kind":"Other",
  "metadata":{"name":"r","namespace":"ns","uid":"u-1","resourceVersion":"42","generation":3,
    "managedFields":[{"manager":"m","fieldsV1":{"f:spec":{}}}],
    "annotations":{"a":"1","kubectl.kubernetes.io/last-applied-configuration":"{\"big\":1}"},
    "labels":{"l":"2"}},
  "spec":{"x":[1,2]},"data":{"ca.crt":"PEM","password":"p"},
  "status":{"parents":[]}})";

constexpr Resource kResource = {"g.io", "v1", "things", "Thing", true};

TEST(ObjectText, SaysWhichObjectItIs) {
  const std::optional<ObjectText> object = ReadObjectText(kRoute);
  ASSERT_TRUE(object);
  EXPECT_EQ(ToString(object->name), "ns/r");
  EXPECT_EQ(object->uid, "u-1");
  EXPECT_EQ(object->resource_version, "42");
  EXPECT_EQ(object->generation, 3);
  EXPECT_EQ(object->status, R"({"parents":[]})");
}

TEST(ObjectText, LeavesOutWhatNobodyReads) {
  const std::optional<ObjectText> object = ReadObjectText(kRoute);
  ASSERT_TRUE(object);
  const std::string head =
      R"({"apiVersion":"g.io/v1","kind":"Thing","metadata":{"name":"r","namespace":"ns","uid":"u-1",)"
      R"("resourceVersion":"42","generation":3)";
  EXPECT_EQ(Trimmed(*object, kResource, {}),
            absl::StrCat(head, R"(,"annotations":{"a":"1"},"labels":{"l":"2"}},"spec":{"x":[1,2]},)"
                               R"("data":{"ca.crt":"PEM","password":"p"}})"));
  EXPECT_EQ(
      Trimmed(*object, kResource, {.status = true, .annotations = false, .only_data = "ca.crt"}),
      absl::StrCat(head, R"(,"labels":{"l":"2"}},"spec":{"x":[1,2]},"data":{"ca.crt":"PEM"},)"
                         R"("status":{"parents":[]}})"));
}

TEST(ObjectText, RefusesWhatHasNoIdentity) {
  for (std::string_view text : {
           "",
           "[]",
           "{}",
           R"({"metadata":{}})",
           R"({"metadata":null})",
           R"({"metadata":{"name":"a"}})",
           R"({"metadata":{"resourceVersion":"1"}})",
           R"({"metadata":{"name":"a","resourceVersion":1}})",
           R"({"metadata":{"name":"a\u0062","resourceVersion":"1"}})",
           R"({"metadata":{"name":"a","resourceVersion":"1","generation":"x"}})",
       }) {
    EXPECT_FALSE(ReadObjectText(text).has_value()) << text;
  }
}

TEST(ObjectText, ReadsListsAndEvents) {
  const std::optional<ListText> list = ReadListText(
      R"({"items":[{"metadata":{"name":"a","resourceVersion":"1"}}],"metadata":{"resourceVersion":"9","continue":"c"}})");
  ASSERT_TRUE(list);
  EXPECT_EQ(list->resource_version, "9");
  EXPECT_EQ(list->continue_token, "c");
  ASSERT_EQ(list->items.size(), 1U);
  EXPECT_EQ(ToString(list->items[0].name), "a");
  // Go writes an empty list as null.
  const auto empty = ReadListText(R"({"metadata":{"resourceVersion":"9"},"items":null})");
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->items.empty());

  const auto event = ReadEventText(R"({"type":"ADDED","object":{"a":1}})");
  ASSERT_TRUE(event);
  EXPECT_EQ(event->type, "ADDED");
  EXPECT_EQ(event->object, R"({"a":1})");
  EXPECT_EQ(ResourceVersionOf(R"({"metadata":{"resourceVersion":"7"}})"), "7");
  EXPECT_EQ(ResourceVersionOf(R"({"metadata":7})"), "");
}

}  // namespace
}  // namespace sluice::kube
