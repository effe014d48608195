#include "dataplane/http/field_parser.h"

#include <bit>
#include <cstring>

#include "dataplane/http/chars.h"
#include "dataplane/http/field_reader.h"

namespace sluice::http {
namespace {

static_assert(std::endian::native == std::endian::little, "words are read low octet first");

constexpr uint64_t Repeat(uint8_t octet) { return 0x0101010101010101u * octet; }
constexpr uint64_t kHigh = Repeat(0x80);

// The high bit of each octet of `word` that lies in [low, high]; both are ASCII.
constexpr uint64_t InRange(uint64_t word, uint8_t low, uint8_t high) {
  const uint64_t heptets = word & ~kHigh;
  const uint64_t at_least = heptets + Repeat(static_cast<uint8_t>(0x80 - low));
  const uint64_t above = heptets + Repeat(static_cast<uint8_t>(0x7f - high));
  return at_least & ~above & ~word & kHigh;
}

// Lowers the token at the start of `text` in place and returns its size. Eight octets at a time
// while they are letters, digits and '-', as nearly all are.
size_t LowerName(char* text, size_t size, bool& underscore) {
  underscore = false;
  size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    uint64_t word;
    std::memcpy(&word, text + i, 8);
    const uint64_t lower = word | InRange(word, 'A', 'Z') >> 2;
    const uint64_t odd =
        ~(InRange(lower, 'a', 'z') | InRange(lower, '0', '9') | InRange(lower, '-', '-')) & kHigh;
    // Only the octets before the odd one: behind a colon begins the value.
    const uint64_t keep = odd == 0 ? ~uint64_t{0} : (odd & -odd) / 0x80 - 1;
    word = (lower & keep) | (word & ~keep);
    std::memcpy(text + i, &word, 8);
    if (odd != 0) {
      i += static_cast<size_t>(std::countr_zero(odd)) / 8;
      break;
    }
  }
  for (; i < size && IsA(kTokenChar, text[i]); ++i) {
    underscore |= text[i] == '_';
    text[i] = ToLower(text[i]);
  }
  return i;
}

// Nonzero if an octet of `word` is below 0x20 or is 0x7f; a tab is reported, too.
uint64_t Suspicious(uint64_t word) {
  const uint64_t is_del = word ^ Repeat(0x7f);
  return ((word - Repeat(0x20)) & ~word & Repeat(0x80)) |
         ((is_del - Repeat(0x01)) & ~is_del & Repeat(0x80));
}

// Eight octets at a time, the last eight overlapping; tabs are rare enough to look again.
bool IsFieldValue(std::string_view value) {
  const char* at = value.data();
  if (value.size() < 8) return AllAre(kFieldChar, value);
  uint64_t found = 0;
  uint64_t word;
  const char* const last = at + value.size() - 8;
  for (; at < last; at += 8) {
    std::memcpy(&word, at, 8);
    found |= Suspicious(word);
  }
  std::memcpy(&word, last, 8);
  found |= Suspicious(word);
  return found == 0 || AllAre(kFieldChar, value);
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
