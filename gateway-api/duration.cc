#include "gateway-api/duration.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace sluice::gateway_api {
namespace {

bool TakeUnit(std::string_view& text, absl::Duration& unit) {
  struct Unit {
    std::string_view name;
    absl::Duration length;
  };
  for (const Unit& candidate : {Unit{"ms", absl::Milliseconds(1)}, Unit{"h", absl::Hours(1)},
                                Unit{"m", absl::Minutes(1)}, Unit{"s", absl::Seconds(1)}}) {
    if (!text.starts_with(candidate.name)) continue;
    text.remove_prefix(candidate.name.size());
    unit = candidate.length;
    return true;
  }
  return false;
}

}  // namespace

bool ParseDuration(std::string_view text, absl::Duration& out) {
  absl::Duration sum;
  int parts = 0;
  while (!text.empty()) {
    int64_t number = 0;
    size_t digits = 0;
    for (; digits < text.size() && absl::ascii_isdigit(text[digits]); ++digits) {
      if (digits == 5) return false;
      number = number * 10 + (text[digits] - '0');
    }
    text.remove_prefix(digits);
    absl::Duration unit;
    if (digits == 0 || ++parts > 4 || !TakeUnit(text, unit)) return false;
    sum += number * unit;
  }
  if (parts == 0) return false;
  out = sum;
  return true;
}

std::string FormatDuration(absl::Duration duration) {
  int64_t ms = absl::ToInt64Milliseconds(duration);
  if (ms == 0) return "0s";
  std::string text;
  auto append = [&](int64_t length, std::string_view name) {
    if (ms >= length) absl::StrAppend(&text, ms / length, name);
    ms %= length;
  };
  append(3'600'000, "h");
  append(60'000, "m");
  append(1'000, "s");
  append(1, "ms");
  return text;
}

}  // namespace sluice::gateway_api
