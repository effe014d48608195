#include "dataplane/filter/filter.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dataplane/snapshot/text.h"

namespace sluice::filter {
namespace {

using snapshot::Filter;

std::vector<Filter> Filters(const std::string& text) {
  const auto snapshot = snapshot::FromText("rules { " + text + " }");
  EXPECT_TRUE(snapshot.ok()) << snapshot.status();
  return {snapshot->rules(0).filters().begin(), snapshot->rules(0).filters().end()};
}

class FilterTest : public ::testing::Test {
 protected:
  http::RequestHead Head(std::string_view target, std::string_view host = "example.com") {
    http::RequestHead head(arena_);
    head.method = "GET";
    head.scheme = "http";
    head.authority = head.host = host;
    head.target = target;
    return head;
  }

  core::ArenaPool pool_;
  core::Arena arena_{pool_};
};

std::string Text(const http::HeaderList& headers) {
  std::string text;
  for (const http::Header& header : headers)
    absl::StrAppend(&text, header.name, ": ", header.value, "\n");
  return text;
}

TEST_F(FilterTest, ModifiesHeadersInOrder) {
  const auto filters = Filters(R"(
    filters { request_headers { set { name: "a" value: "new" } set { name: "n" value: "1" }
                                add { name: "b" value: "2" } add { name: "c" value: "3" } remove: "d" } }
    filters { request_headers { remove: "n" } }
    filters { response_headers { set { name: "r" value: "only in responses" } remove: "b" } })");
  http::RequestHead head = Head("/");
  for (const auto& [name, value] :
       {std::pair{"a", "1"}, {"b", "1"}, {"d", "1"}, {"a", "2"}, {"d", "2"}, {"e", "1"}}) {
    head.headers.Add(name, value);
  }
  EXPECT_EQ(ApplyToRequest(filters, {}, head), std::nullopt);
  EXPECT_EQ(Text(head.headers), "a: new\nb: 1\ne: 1\nb: 2\nc: 3\n");

  http::ResponseHead response(arena_);
  response.headers.Add("a", "1");
  response.headers.Add("b", "1");
  ApplyToResponse(filters, response);
  EXPECT_EQ(Text(response.headers), "a: 1\nr: only in responses\n");
}

// The table of examples in the API's reference for ReplacePrefixMatch, and the edges beside it.
TEST_F(FilterTest, ReplacesThePrefix) {
  const struct {
    const char* path;
    const char* prefix;
    const char* replacement;
    const char* result;
  } rows[] = {
      {"/foo/bar", "/foo", "/xyz", "/xyz/bar"},
      {"/foo/bar", "/foo", "/xyz/", "/xyz/bar"},
      {"/foo/bar", "/foo/", "/xyz", "/xyz/bar"},
      {"/foo/bar", "/foo/", "/xyz/", "/xyz/bar"},
      {"/foo", "/foo", "/xyz", "/xyz"},
      {"/foo/", "/foo", "/xyz", "/xyz/"},
      {"/foo/bar", "/foo", "", "/bar"},
      {"/foo/", "/foo", "", "/"},
      {"/foo", "/foo", "", "/"},
      {"/foo/", "/foo", "/", "/"},
      {"/foo", "/foo", "/", "/"},
      {"/foo/bar", "/foo", "/", "/bar"},
      {"/foo", "/foo", "/xyz/", "/xyz/"},
      {"/", "/", "/xyz", "/xyz"},
      {"/foo", "/", "/xyz", "/xyz/foo"},
      {"/foo/bar", "/", "/xyz/", "/xyz/foo/bar"},
      {"/", "/", "", "/"},
      {"/foo//bar", "/foo", "/xyz", "/xyz//bar"},
      {"/foo/bar?q=/foo", "/foo", "/x", "/x/bar?q=/foo"},
      {"/foo?q", "/foo", "", "/?q"},
      {"/other", "/foo", "/xyz", "/other"},
      {"/foobar", "/foo", "/xyz", "/foobar"},
      {"/foo/bar", "", "/xyz", "/foo/bar"},  // no prefix match: nothing to replace
  };
  for (const auto& row : rows) {
    const auto filters = Filters(absl::StrCat(
        "filters { rewrite { path { type: TYPE_PREFIX value: '", row.replacement, "' } } }"));
    http::RequestHead head = Head(row.path);
    EXPECT_EQ(ApplyToRequest(filters, {.matched_prefix = row.prefix}, head), std::nullopt);
    EXPECT_EQ(head.target, row.result) << row.path << " " << row.prefix << " " << row.replacement;
  }
}

TEST_F(FilterTest, RewritesHostAndFullPath) {
  const struct {
    const char* filter;
    const char* target;
    const char* want_target;
    const char* want_authority;
  } rows[] = {
      {"hostname: 'b.test'", "/a?q=1", "/a?q=1", "b.test"},
      {"path { type: TYPE_FULL value: '/one' }", "/a/b?q=1", "/one?q=1", "example.com:81"},
      {"path { type: TYPE_FULL value: '/one' }", "/a/b", "/one", "example.com:81"},
      {"path { type: TYPE_FULL value: '' }", "/a/b", "/", "example.com:81"},
      {"hostname: 'b.test' path { type: TYPE_FULL value: '/one' }", "/a?", "/one?", "b.test"},
  };
  for (const auto& row : rows) {
    http::RequestHead head = Head(row.target);
    head.authority = "example.com:81";
    const auto filters = Filters(absl::StrCat("filters { rewrite { ", row.filter, "} }"));
    EXPECT_EQ(ApplyToRequest(filters, {}, head), std::nullopt);
    EXPECT_EQ(head.target, row.want_target) << row.filter;
    EXPECT_EQ(head.authority, row.want_authority) << row.filter;
  }
}

TEST_F(FilterTest, RedirectsByTheRulesForSchemeHostPortAndPath) {
  const struct {
    const char* filter;
    const char* scheme;  // of the request
    uint32_t port;       // of the listener
    const char* host;
    const char* target;
    const char* location;
  } rows[] = {
      {"status: 301 scheme: 'https'", "http", 80, "example.com", "/a?b=c",
       "https://example.com/a?b=c"},
      {"status: 301 scheme: 'https'", "http", 8080, "example.com", "/", "https://example.com/"},
      {"status: 301 scheme: 'http'", "https", 8443, "example.com", "/", "http://example.com/"},
      {"status: 301 scheme: 'https' port: 8443", "http", 80, "example.com", "/",
       "https://example.com:8443/"},
      {"status: 301 scheme: 'https' port: 443", "http", 80, "example.com", "/",
       "https://example.com/"},
      {"status: 301 scheme: 'https' port: 80", "http", 80, "example.com", "/",
       "https://example.com:80/"},
      {"status: 301", "http", 80, "example.com", "/a", "http://example.com/a"},
      {"status: 301", "http", 8080, "example.com", "/a", "http://example.com:8080/a"},
      {"status: 301", "https", 443, "example.com", "/a", "https://example.com/a"},
      {"status: 301", "https", 8443, "example.com", "/a", "https://example.com:8443/a"},
      {"status: 301 port: 80", "http", 8080, "example.com", "/a", "http://example.com/a"},
      {"status: 301 hostname: 'b.test'", "http", 80, "example.com", "/a", "http://b.test/a"},
      {"status: 301 path { type: TYPE_FULL value: '/one' }", "http", 80, "example.com", "/a?q",
       "http://example.com/one?q"},
      {"status: 301 path { type: TYPE_PREFIX value: '/x' }", "http", 80, "example.com", "/p/a?q",
       "http://example.com/x/a?q"},
      {"status: 301 path { type: TYPE_PREFIX value: '' }", "http", 80, "example.com", "/p",
       "http://example.com/"},
      {"status: 301", "http", 80, "[2001:db8::1]", "/", "http://[2001:db8::1]/"},
      {"status: 301", "http", 80, "2001:db8::1", "/", "http://[2001:db8::1]/"},
      {"status: 301", "http", 80, "example.com", "//evil.test/%2e",
       "http://example.com//evil.test/%2e"},
      {"status: 301", "http", 80, "example.com", "/a\r\nset-cookie: x",
       "http://example.com/a%0D%0Aset-cookie:%20x"},
      {"status: 301", "http", 80, "example.com", "/\xc3\xa9?<\">",
       "http://example.com/%C3%A9?%3C%22%3E"},
      {"status: 301", "http", 80, "evil\r\nx", "/", "http://evil%0D%0Ax/"},
  };
  for (const auto& row : rows) {
    http::RequestHead head = Head(row.target, row.host);
    head.scheme = row.scheme;
    const auto filters = Filters(absl::StrCat("filters { redirect { ", row.filter, " } }"));
    const auto redirect = ApplyToRequest(filters, {row.port, "/p"}, head);
    ASSERT_TRUE(redirect.has_value()) << row.filter;
    EXPECT_EQ(redirect->location, row.location) << row.filter;
    EXPECT_EQ(redirect->status, 301);
  }
}

TEST_F(FilterTest, ARedirectEndsTheFilters) {
  const auto filters = Filters(R"(
    filters { request_headers { set { name: "a" value: "1" } } }
    filters { redirect { status: 307 } }
    filters { request_headers { set { name: "b" value: "1" } } })");
  http::RequestHead head = Head("/");
  const auto redirect = ApplyToRequest(filters, {.listener_port = 80}, head);
  ASSERT_TRUE(redirect.has_value());
  EXPECT_EQ(redirect->status, 307);
  EXPECT_EQ(Text(head.headers), "a: 1\n");
}

}  // namespace
}  // namespace sluice::filter
