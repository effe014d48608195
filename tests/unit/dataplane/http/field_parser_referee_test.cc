// Our field parser beside llhttp, which reads the same bytes with no lenient flag set: whatever we
// accept, it accepts too, and reads as the same fields. (It may accept more: we are stricter.)
#include <gtest/gtest.h>
#include <llhttp.h>

#include <random>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "dataplane/core/arena.h"
#include "dataplane/http/field_parser.h"
#include "dataplane/http/field_reader.h"

namespace sluice::http {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

// Fields by llhttp; `ok` only if the section is whole and nothing of it was refused.
struct Referee {
  explicit Referee(std::string_view section) {
    llhttp_settings_t settings;
    llhttp_settings_init(&settings);
    settings.on_header_field = [](llhttp_t* p, const char* at, size_t n) {
      Of(p).name.append(at, n);
      return 0;
    };
    settings.on_header_value = [](llhttp_t* p, const char* at, size_t n) {
      Of(p).value.append(at, n);
      return 0;
    };
    settings.on_header_value_complete = [](llhttp_t* p) {
      Referee& self = Of(p);
      absl::AsciiStrToLower(&self.name);
      self.fields.emplace_back(std::move(self.name), absl::StripAsciiWhitespace(self.value));
      self.name.clear();
      self.value.clear();
      return 0;
    };
    settings.on_headers_complete = [](llhttp_t* p) {
      Of(p).ok = true;
      return static_cast<int>(HPE_PAUSED);
    };
    llhttp_t parser;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = this;
    const std::string message = absl::StrCat("GET / HTTP/1.1\r\n", section);
    (void)llhttp_execute(&parser, message.data(), message.size());
  }
  static Referee& Of(llhttp_t* parser) { return *static_cast<Referee*>(parser->data); }

  bool ok = false;
  Fields fields;
  std::string name, value;
};

// Fields by our parser, the section fed in pieces of `piece` bytes.
bool Ours(std::string_view section, size_t piece, Fields& fields) {
  core::ArenaPool pool;
  core::Arena arena(pool);
  HeaderList list(arena);
  const core::Limits limits;
  FieldParser parser(limits);
  parser.Begin(list);
  FieldParser::Result result = FieldParser::Result::kMore;
  while (!section.empty() && result == FieldParser::Result::kMore) {
    size_t taken;
    result = parser.Parse(section.substr(0, piece), taken);
    section.remove_prefix(taken);
  }
  for (const Header& h : list) fields.emplace_back(h.name, h.value);
  return result == FieldParser::Result::kDone;
}

class Mutator {
 public:
  std::string Next() {
    std::string text;
    for (size_t i = Below(4) + 1; i > 0; --i) text += kLines[Below(std::size(kLines))];
    text += "\r\n";
    for (size_t i = Below(4); i > 0; --i) Mutate(text);
    return text;
  }
  size_t Below(size_t n) { return random_() % n; }

 private:
  static constexpr std::string_view kLines[] = {
      "Host: a.example\r\n",
      "X-Long-Enough-For-Sixteen-Lanes: value value value\r\n",
      "a:b\r\n",
      "Accept:*/*\r\n",
      "Empty:\r\n",
      "Cookie: a=b; c=\"d\"\r\n",
      "x_under: 1\r\n",
      "User-Agent: Mozilla/5.0 (X11; \xc3\xa9)\t\r\n",
  };
  static constexpr std::string_view kOctets{"\0\t\n\r :;,\"\x7f\x80\xff_-!aZ0(", 19};

  void Mutate(std::string& text) {
    const size_t at = Below(text.size());
    const char octet = kOctets[Below(kOctets.size())];
    switch (Below(3)) {
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

  std::mt19937 random_{20261120};
};

TEST(FieldParserReferee, AcceptsNothingThatLlhttpRefusesOrReadsOtherwise) {
  Mutator mutator;
  int accepted = 0, refused = 0;
  for (int i = 0; i < 200'000; ++i) {
    const std::string section = mutator.Next();
    Fields ours;
    if (!Ours(section, mutator.Below(2) ? section.size() : 1 + mutator.Below(7), ours)) {
      ++refused;
      continue;
    }
    ++accepted;
    Referee referee(section);
    ASSERT_TRUE(referee.ok) << absl::CEscape(section);
    std::erase_if(referee.fields, [](const auto& field) {
      return field.first.find('_') != std::string::npos && SpoofsKnownName(field.first);
    });
    ASSERT_EQ(ours, referee.fields) << absl::CEscape(section);
  }
  // Neither side of the comparison may be empty.
  EXPECT_GT(accepted, 50'000);
  EXPECT_GT(refused, 50'000);
}

}  // namespace
}  // namespace sluice::http
