#include "dataplane/http/field_parser.h"

#include <bit>
#include <cstring>

#include "dataplane/http/chars.h"
#include "dataplane/http/field_reader.h"

namespace sluice::http {
namespace {

static_assert(std::endian::native == std::endian::little, "lanes are read low octet first");

// Sixteen octets at once, on either of our machines.
using Lanes = uint8_t __attribute__((vector_size(16)));

constexpr Lanes kIndex = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

Lanes Load(const char* at) {
  Lanes lanes;
  std::memcpy(&lanes, at, sizeof lanes);
  return lanes;
}

// All ones where the comparison holds.
Lanes InRange(Lanes lanes, uint8_t low, uint8_t high) {
  return reinterpret_cast<Lanes>((lanes >= low) & (lanes <= high));
}

// How many lanes hold before the first that does not.
size_t CountLeading(Lanes held) {
  uint64_t halves[2];
  std::memcpy(halves, &held, sizeof halves);
  if (~halves[0] != 0) return static_cast<size_t>(std::countr_one(halves[0])) / 8;
  return 8 + static_cast<size_t>(std::countr_one(halves[1])) / 8;
}

// Lowers the token at the start of `text` in place and returns its size. Sixteen octets at a time
// while they are letters, digits and '-', as nearly all are.
size_t LowerName(char* text, size_t size, bool& underscore) {
  underscore = false;
  size_t i = 0;
  while (i + sizeof(Lanes) <= size) {
    const Lanes lanes = Load(text + i);
    const Lanes lower = lanes | (InRange(lanes, 'A', 'Z') & 0x20);
    const size_t good = CountLeading(InRange(lower, 'a', 'z') | InRange(lower, '0', '9') |
                                     InRange(lower, '-', '-'));
    if (good == sizeof(Lanes)) {
      std::memcpy(text + i, &lower, sizeof lower);
      i += sizeof lower;
      continue;
    }
    // Only the octets before the odd one: behind a colon begins the value.
    const Lanes mine = kIndex < static_cast<uint8_t>(good);
    const Lanes merged = (lower & mine) | (lanes & ~mine);
    std::memcpy(text + i, &merged, sizeof merged);
    i += good;
    break;
  }
  for (; i < size && IsA(kTokenChar, text[i]); ++i) {
    underscore |= text[i] == '_';
    text[i] = ToLower(text[i]);
  }
  return i;
}

// No control but tab. The last sixteen octets overlap those before.
bool IsFieldValue(std::string_view value) {
  if (value.size() < sizeof(Lanes)) return AllAre(kFieldChar, value);
  const auto bad = [](Lanes lanes) {
    return (InRange(lanes, 0, 0x1f) & ~InRange(lanes, '\t', '\t')) | InRange(lanes, 0x7f, 0x7f);
  };
  const char* at = value.data();
  const char* const last = at + value.size() - sizeof(Lanes);
  Lanes found = bad(Load(last));
  for (; at < last; at += sizeof(Lanes)) found |= bad(Load(at));
  uint64_t halves[2];
  std::memcpy(halves, &found, sizeof halves);
  return (halves[0] | halves[1]) == 0;
}

}  // namespace

void FieldParser::Begin(HeaderList& list) {
  list_ = &list;
  carry_ = {};
  section_bytes_ = fields_ = 0;
}

FieldParser::Result FieldParser::Parse(std::string_view text, size_t& taken) {
  taken = 0;
  for (;;) {
    const std::string_view rest = text.substr(taken);
    const size_t lf = rest.find('\n');
    if (lf == std::string_view::npos) {
      taken = text.size();
      return KeepPiece(rest);
    }
    taken += lf + 1;
    std::string_view line = rest.substr(0, lf);
    if (!carry_.empty()) {
      line = list_->arena().Extend(carry_, line);
      carry_ = {};
    } else if (line.size() > 1) {
      line = list_->arena().Copy(line);
    }
    if (line.empty() || line.back() != '\r') return Result::kBad;
    line.remove_suffix(1);
    if (line.empty()) return Result::kDone;
    const Result result = AddLine(line);
    if (result != Result::kMore) return result;
  }
}

FieldParser::Result FieldParser::KeepPiece(std::string_view piece) {
  constexpr size_t kSlack = 3;  // ": " and CR
  carry_ = list_->arena().Extend(carry_, piece);
  return carry_.size() > limits_.header_field_bytes + kSlack ? Result::kTooLarge : Result::kMore;
}

// `line` is in the arena, and ours to change.
FieldParser::Result FieldParser::AddLine(std::string_view line) {
  bool underscore;
  const size_t size = LowerName(const_cast<char*>(line.data()), line.size(), underscore);
  if (size == 0 || size == line.size() || line[size] != ':') return Result::kBad;
  const std::string_view name = line.substr(0, size);
  const std::string_view value = TrimSpace(line.substr(size + 1));
  if (!IsFieldValue(value)) return Result::kBad;

  const size_t bytes = name.size() + value.size();
  section_bytes_ += bytes;
  if (++fields_ > limits_.header_fields || bytes > limits_.header_field_bytes ||
      section_bytes_ > limits_.header_block_bytes) {
    return Result::kTooLarge;
  }
  if (!underscore || !SpoofsKnownName(name)) list_->Add(name, value);
  return Result::kMore;
}

}  // namespace sluice::http
