#include "dataplane/snapshot/syntax.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::snapshot {
namespace {

struct Row {
  std::string text;
  bool valid;
};

TEST(SyntaxTest, Hostnames) {
  const Row rows[] = {
      {"a", true},
      {"a.example.com", true},
      {"xn--nxasmq6b.test", true},
      {"_dmarc.example.com", true},
      {"1.2.3.4.5", true},
      {"", false},
      {"A.example.com", false},
      {"a..b", false},
      {".a", false},
      {"a.", false},
      {"-a.b", false},
      {"a-.b", false},
      {"a b", false},
      {"a/b", false},
      {"*.a", false},
      {std::string("a\0b", 3), false},
      {std::string(63, 'a'), true},
      {std::string(64, 'a'), false},
      {std::string(62, 'a') + "." + std::string(62, 'a') + "." + std::string(62, 'a') + "." +
           std::string(64, 'a'),
       false},
      {std::string(50, 'a') + "." + std::string(50, 'a') + "." + std::string(50, 'a') + "." +
           std::string(50, 'a') + "." + std::string(50, 'a'),
       false}};
  for (const Row& row : rows) EXPECT_EQ(IsHostname(row.text), row.valid) << row.text;
  EXPECT_TRUE(IsHostnamePattern(""));
  EXPECT_TRUE(IsHostnamePattern("*.a"));
  EXPECT_FALSE(IsHostnamePattern("*"));
  EXPECT_FALSE(IsHostnamePattern("*."));
  EXPECT_FALSE(IsHostnamePattern("a.*"));
  EXPECT_FALSE(IsHostnamePattern("*.*.a"));
}

TEST(SyntaxTest, Addresses) {
  const Row rows[] = {{"192.0.2.1", true},
                      {"2001:db8::1", true},
                      {"::", true},
                      {"::ffff:192.0.2.1", true},
                      {"192.0.2.01", false},
                      {"2001:DB8::1", false},
                      {"2001:db8:0::1", false},
                      {"192.0.2", false},
                      {"", false},
                      {"host", false},
                      {"192.0.2.1 ", false},
                      {"[::]", false}};
  for (const Row& row : rows) EXPECT_EQ(IsCanonicalAddress(row.text), row.valid) << row.text;
  const Row cidrs[] = {{"192.0.2.0/24", true},  {"::/0", true},       {"2001:db8::/128", true},
                       {"192.0.2.0/33", false}, {"192.0.2.0", false}, {"192.0.2.0/", false},
                       {"192.0.2.0/-1", false}, {"x/8", false},       {"/0", false}};
  for (const Row& row : cidrs) EXPECT_EQ(IsCidr(row.text), row.valid) << row.text;
}

TEST(SyntaxTest, TokensAndValues) {
  const Row tokens[] = {
      {"x-a_b.c", true},  {"GET", true},  {"", false},   {":authority", false},
      {"a b", false},     {"a\r", false}, {"a:", false}, {std::string("a\0", 2), false},
      {"\xc3\xa9", false}};
  for (const Row& row : tokens) EXPECT_EQ(IsToken(row.text), row.valid) << row.text;
  EXPECT_TRUE(IsLowerToken("x-a"));
  EXPECT_FALSE(IsLowerToken("X-a"));
  const Row values[] = {{"", true},           {"a b\tc", true}, {"caf\xc3\xa9", true},
                        {"a\r\nb: c", false}, {"a\n", false},   {" a", false},
                        {"a ", false},        {"\x7f", false},  {std::string("a\0b", 3), false}};
  for (const Row& row : values) EXPECT_EQ(IsHeaderValue(row.text), row.valid) << row.text;
}

TEST(SyntaxTest, Paths) {
  const Row rows[] = {{"/", true},     {"/a/b;c=d@e:f", true}, {"/%2F%aa", true},
                      {"", false},     {"a", false},           {"/a?b", false},
                      {"/a#b", false}, {"/a b", false},        {"/%2", false},
                      {"/%zz", false}, {"/a\r\nb", false},     {"/\xc3\xa9", false},
                      {"/<", false}};
  for (const Row& row : rows) EXPECT_EQ(IsAbsolutePath(row.text), row.valid) << row.text;
  EXPECT_TRUE(IsPathText(""));
}

TEST(SyntaxTest, FramingHeadersAreOurs) {
  for (const char* name :
       {"Host", "connection", "Content-Length", "transfer-encoding", "TE", "Upgrade"}) {
    EXPECT_FALSE(IsModifiableHeader(name)) << name;
  }
  EXPECT_TRUE(IsModifiableHeader("x-host"));
  EXPECT_TRUE(IsModifiableHeader("content-type"));
}

}  // namespace
}  // namespace sluice::snapshot
