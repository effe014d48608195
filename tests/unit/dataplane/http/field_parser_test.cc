#include "dataplane/http/field_parser.h"

#include <gtest/gtest.h>
#include <llhttp.h>

#include <random>
#include <string>

namespace sluice::http {
namespace {

using Result = FieldParser::Result;

// The fields of a section as lines, or why there are none.
std::string ParseInPieces(std::string_view text, size_t piece) {
  core::Limits limits;
  core::ArenaPool pool;
  core::Arena arena(pool);
  HeaderList list(arena);
  FieldParser parser(limits);
  parser.Begin(list);
  while (!text.empty()) {
    size_t taken;
    const Result result = parser.Parse(text.substr(0, piece), taken);
    text.remove_prefix(taken);
    if (result == Result::kMore) continue;
    if (result != Result::kDone) return result == Result::kBad ? "bad" : "too large";
    std::string lines;
    for (const Header& header : list) {
      lines += std::string(header.name) + "=" + std::string(header.value) + "\n";
    }
    return lines + "then " + std::string(text);
  }
  return "more";
}

std::string Parse(std::string_view text) { return ParseInPieces(text, text.size()); }

TEST(FieldParserTest, TakesALineAtATime) {
  EXPECT_EQ(Parse("A: b\r\nC-D:e\r\n\r\nrest"), "a=b\nc-d=e\nthen rest");
  EXPECT_EQ(Parse("\r\n"), "then ");
  EXPECT_EQ(Parse("A:\r\n\r\n"), "a=\nthen ");
  EXPECT_EQ(Parse("A: \t b c \t\r\n\r\n"), "a=b c\nthen ");
  EXPECT_EQ(Parse("A: b\r\n"), "more");
  EXPECT_EQ(Parse("A: b"), "more");
}

// The sixteen octets that are looked at together must change nothing at their edges.
TEST(FieldParserTest, LowersNamesAndChecksValuesOfAnyLength) {
  for (size_t name_size = 1; name_size < 50; ++name_size) {
    for (size_t value_size = 0; value_size < 50; ++value_size) {
      std::string name(name_size, 'X');
      const std::string lower(name_size, 'x');
      const std::string value(value_size, 'V');
      ASSERT_EQ(Parse(name + ":" + value + "\r\n\r\n"), lower + "=" + value + "\nthen ");
      for (size_t at = 0; at < value_size; ++at) {
        std::string broken = value;
        broken[at] = at % 2 == 0 ? '\x7f' : '\x1f';
        ASSERT_EQ(Parse(name + ":" + broken + "\r\n\r\n"), "bad") << name_size << " " << at;
        broken[at] = '\xff';
        ASSERT_EQ(Parse(name + ":" + broken + "\r\n\r\n"), lower + "=" + broken + "\nthen ");
      }
      name[name_size / 2] = '@';
      ASSERT_EQ(Parse(name + ":" + value + "\r\n\r\n"), "bad");
    }
  }
}

// What llhttp, strict, reads of the same; empty if it refuses.
class Reference {
 public:
  static std::string Parse(std::string_view text) {
    Reference reference;
    llhttp_settings_t settings = {};
    settings.on_header_field = [](llhttp_t* p, const char* at, size_t n) {
      static_cast<Reference*>(p->data)->name_.append(at, n);
      return 0;
    };
    settings.on_header_value = [](llhttp_t* p, const char* at, size_t n) {
      static_cast<Reference*>(p->data)->value_.append(at, n);
      return 0;
    };
    settings.on_header_value_complete = [](llhttp_t* p) {
      static_cast<Reference*>(p->data)->EndField();
      return 0;
    };
    settings.on_headers_complete = [](llhttp_t* p) {
      static_cast<Reference*>(p->data)->done_ = true;
      return 0;
    };
    llhttp_t parser;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = &reference;
    const std::string whole = "POST / HTTP/1.1\r\n" + std::string(text);
    llhttp_execute(&parser, whole.data(), whole.size());
    return reference.done_ ? reference.lines_ + "then " : std::string();
  }

 private:
  void EndField() {
    for (char& c : name_) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    while (value_.ends_with(' ') || value_.ends_with('\t')) value_.pop_back();
    lines_ += name_ + "=" + value_ + "\n";
    name_.clear();
    value_.clear();
  }

  std::string name_;
  std::string value_;
  std::string lines_;
  bool done_ = false;
};

std::string Mutate(std::string text, std::mt19937& random) {
  using namespace std::string_view_literals;
  static constexpr std::string_view kOctets = "\r\n :\t\0\x01\x7f\x80\xff,;aZ-@"sv;
  for (size_t n = random() % 4; n > 0 && !text.empty(); --n) {
    const size_t at = random() % text.size();
    const char octet = kOctets[random() % kOctets.size()];
    switch (random() % 3) {
      case 0:
        text[at] = octet;
        break;
      case 1:
        text.insert(at, 1, octet);
        break;
      default:
        text.erase(at, 1);
    }
  }
  return text;
}

// Whatever we take as a head, a parser that is known to be strict takes as the same head.
TEST(FieldParserTest, TakesNothingThatLlhttpRefuses) {
  const std::string head =
      "Host: a.example\r\nAccept: */*\r\nX-Forwarded-Fox: 1,  2\r\n"
      "A-Name-Of-More-Than-Sixteen: and a value of more than sixteen\r\nEmpty:\r\n\r\n";
  std::mt19937 random(1);
  int taken = 0;
  for (int i = 0; i < 200'000; ++i) {
    const std::string text = Mutate(head, random);
    const std::string ours = Parse(text);
    ASSERT_EQ(ParseInPieces(text, 1 + random() % 20).substr(0, 4), ours.substr(0, 4)) << text;
    const size_t end = ours.find("then ");
    if (end == std::string::npos) continue;
    ++taken;
    ASSERT_EQ(ours.substr(0, end + 5), Reference::Parse(text)) << text;
  }
  EXPECT_GT(taken, 50'000);
}

}  // namespace
}  // namespace sluice::http
