#include "dataplane/http/request_target.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace sluice::http {
namespace {

class RequestTarget : public testing::Test {
 protected:
  std::string Normal(std::string_view target) {
    const auto normal = NormalizeTarget(arena, target);
    return normal ? std::string(*normal) : "refused";
  }

  core::ArenaPool pool;
  core::Arena arena{pool};
};

TEST_F(RequestTarget, IsBroughtToOneForm) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"/", "/"},
      {"/a/b", "/a/b"},
      {"/a/b/", "/a/b/"},
      {"/a?x=../b//%2f#", "refused"},
      {"/a?x=../b//%2f&%zz|", "/a?x=../b//%2f&%zz|"},
      {"/?", "/?"},
      // Dot segments (RFC 3986 5.2.4)
      {"/.", "/"},
      {"/..", "/"},
      {"/./", "/"},
      {"/../", "/"},
      {"/../../a", "/a"},
      {"/a/.", "/a/"},
      {"/a/..", "/"},
      {"/a/b/..", "/a/"},
      {"/a/b/../", "/a/"},
      {"/a/./b", "/a/b"},
      {"/a/../b", "/b"},
      {"/a/b/c/./../../g", "/a/g"},
      {"/a/...", "/a/..."},
      {"/.well-known/x", "/.well-known/x"},
      {"/a/..b/.c", "/a/..b/.c"},
      {"/..?x", "/?x"},
      // Slashes
      {"//", "/"},
      {"//a", "/a"},
      {"/a//b///c", "/a/b/c"},
      {"/a//", "/a/"},
      {"/a//../b", "/b"},
      {"//..//../a", "/a"},
      // Encodings
      {"/%61%2D%7e", "/a-~"},
      {"/%2e%2E/a", "/a"},
      {"/a/%2e", "/a/"},
      {"/a/.%2e/b", "/b"},
      {"/%c3%a9", "/%C3%A9"},
      {"/%e0%a4%85", "/%E0%A4%85"},
      {"/%f0%9f%98%80", "/%F0%9F%98%80"},
      {"/%25%32%65", "/%252e"},
      {"/%20%22%3b", "/%20%22%3B"},
      {"/a;x=1/b", "/a;x=1/b"},
      {"/;/", "/;/"},
      // Two readers, two meanings
      {"", "refused"},
      {"a", "refused"},
      {"/%", "refused"},
      {"/%4", "refused"},
      {"/%g0", "refused"},
      {"/%2f", "refused"},
      {"/%2F", "refused"},
      {"/%5c", "refused"},
      {"/%00", "refused"},
      {"/%0d%0a", "refused"},
      {"/%1f", "refused"},
      {"/%7f", "refused"},
      {"/\\", "refused"},
      {"/a b", "refused"},
      {"/\xe4", "refused"},
      {"/..;/a", "refused"},
      {"/a/.;x", "refused"},
      {"/%2e.;/", "refused"},
      {"/%c0%ae", "refused"},
      {"/%c1%9c", "refused"},
      {"/%e0%80%af", "refused"},
      {"/%f0%80%80%af", "refused"},
  };
  for (const auto& [target, normal] : rows) EXPECT_EQ(Normal(target), normal) << target;
}

TEST_F(RequestTarget, IsNotCopiedWhenItIsNormal) {
  const std::string_view target = "/api/v1/items?limit=10";
  EXPECT_EQ(NormalizeTarget(arena, target)->data(), target.data());
}

// A backend that decodes first and resolves dots and slashes then, as most file servers do.
std::string ServedPath(std::string_view path) {
  std::string decoded;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '%' && i + 2 < path.size()) {
      decoded += static_cast<char>(std::stoi(std::string(path.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      decoded += path[i];
    }
  }
  std::vector<std::string> segments;
  bool slash = true;
  for (size_t at = 0; at < decoded.size();) {
    const size_t end = std::min(decoded.find('/', at), decoded.size());
    const std::string segment = decoded.substr(at, end - at);
    slash = end < decoded.size() || segment == "." || segment == "..";
    if (segment == ".." && !segments.empty()) segments.pop_back();
    if (!segment.empty() && segment != "." && segment != "..") segments.push_back(segment);
    at = end + 1;
  }
  std::string served;
  for (const std::string& segment : segments) served += "/" + segment;
  return slash || served.empty() ? served + "/" : served;
}

std::string RandomPath(std::mt19937& random) {
  static constexpr std::string_view kPieces[] = {
      "/",      "/",   "/",   ".",   "..",    "a",   "b",         ";",
      "%2e",    "%2E", "%61", "%2f", "%5c",   "%25", "%41",       "%c3%a9",
      "%c0%ae", "%00", "\\",  "~",   "admin", "%3b", "%e0%80%af", "%7e"};
  std::string path = "/";
  for (size_t n = random() % 10; n > 0; --n) path += kPieces[random() % std::size(kPieces)];
  return path;
}

// What we match on is what a backend serves, and normalising again changes nothing.
TEST_F(RequestTarget, MeansTheSameToABackend) {
  std::mt19937 random(1);
  int kept = 0;
  for (int i = 0; i < 100'000; ++i) {
    const std::string path = RandomPath(random);
    const std::string normal = Normal(path);
    if (normal == "refused") continue;
    ++kept;
    ASSERT_EQ(Normal(normal), normal) << path;
    ASSERT_EQ(ServedPath(normal), ServedPath(path)) << path << " as " << normal;
    ASSERT_EQ(normal.find("//"), std::string::npos) << path;
    ASSERT_EQ(normal.find("/../"), std::string::npos) << path;
    if (i % 1000 == 0) arena.Reset();
  }
  EXPECT_GT(kept, 10'000);
}

TEST_F(RequestTarget, ReadsAuthorities) {
  struct Row {
    std::string_view text;
    std::string_view host;  // empty: refused
    std::string_view port;
  };
  const Row rows[] = {
      {"a", "a", ""},
      {"A.Example", "a.example", ""},
      {"a.example.", "a.example", ""},
      {"a_b-c.d", "a_b-c.d", ""},
      {"a:1", "a", "1"},
      {"a:65535", "a", "65535"},
      {"a:", "a", ""},
      {"127.0.0.1:80", "127.0.0.1", "80"},
      {"[::1]", "[::1]", ""},
      {"[2001:DB8::1]:443", "[2001:db8::1]", "443"},
      {"", "", ""},
      {".", "", ""},
      {".a", "", ""},
      {"a..b", "", ""},
      {"a:0", "", ""},
      {"a:65536", "", ""},
      {"a:+1", "", ""},
      {"a:1:2", "", ""},
      {"a:x", "", ""},
      {"a,b", "", ""},
      {"a b", "", ""},
      {"u@a", "", ""},
      {"a/b", "", ""},
      {"a?b", "", ""},
      {"a%41", "", ""},
      {"[::1", "", ""},
      {"[::1]x", "", ""},
      {"[]", "", ""},
      {"[::g]", "", ""},
      {"[::1%25eth0]", "", ""},
      {"::1", "", ""},
      {"\xc3\xa9", "", ""},
  };
  for (const Row& row : rows) {
    const auto authority = ParseAuthority(arena, row.text);
    EXPECT_EQ(authority.has_value(), !row.host.empty()) << row.text;
    if (!authority) continue;
    EXPECT_EQ(authority->host, row.host);
    EXPECT_EQ(authority->port, row.port);
  }
  EXPECT_FALSE(ParseAuthority(arena, std::string(256, 'a')));
}

TEST_F(RequestTarget, ComparesAuthorities) {
  const auto same = [&](std::string_view a, std::string_view b, std::string_view scheme) {
    return SameAuthority(*ParseAuthority(arena, a), *ParseAuthority(arena, b), scheme);
  };
  EXPECT_TRUE(same("A", "a.", "http"));
  EXPECT_TRUE(same("a:80", "a", "http"));
  EXPECT_TRUE(same("a:443", "a:", "https"));
  EXPECT_FALSE(same("a:443", "a", "http"));
  EXPECT_FALSE(same("a", "b", "http"));
}

}  // namespace
}  // namespace sluice::http
