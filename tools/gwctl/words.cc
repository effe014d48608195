#include "tools/gwctl/words.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "control/compile/conditions.h"

namespace sluice::gwctl {
namespace {

constexpr size_t kShown = 2;  // of a list in a cell
constexpr int64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour, kYear = 365 * kDay;

// Two units while the second says something, then one.
std::string DurationText(int64_t seconds) {
  struct Step {
    int64_t below, unit;
    const char* name;
    int64_t minor;  // 0: none
    const char* minor_name;
  };
  static constexpr Step kSteps[] = {
      {2 * kMinute, 1, "s", 0, ""},     {10 * kMinute, kMinute, "m", 1, "s"},
      {3 * kHour, kMinute, "m", 0, ""}, {8 * kHour, kHour, "h", kMinute, "m"},
      {2 * kDay, kHour, "h", 0, ""},    {8 * kDay, kDay, "d", kHour, "h"},
      {2 * kYear, kDay, "d", 0, ""},    {8 * kYear, kYear, "y", kDay, "d"},
      {INT64_MAX, kYear, "y", 0, ""},
  };
  for (const Step& step : kSteps) {
    if (seconds >= step.below) continue;
    std::string text = absl::StrCat(seconds / step.unit, step.name);
    const int64_t minor = step.minor == 0 ? 0 : seconds % step.unit / step.minor;
    return minor == 0 ? text : absl::StrCat(text, minor, step.minor_name);
  }
  return "";
}

}  // namespace

std::string Age(absl::Time created, absl::Time now) {
  if (created == absl::UnixEpoch()) return "<unknown>";
  return DurationText(std::max<int64_t>(0, absl::ToInt64Seconds(now - created)));
}

std::string TimeLeft(absl::Time end, absl::Time now) {
  return end <= now ? "expired" : DurationText(absl::ToInt64Seconds(end - now));
}

std::string Date(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d", time, absl::UTCTimeZone());
}

std::string Shorten(const std::vector<std::string>& list) {
  if (list.size() <= kShown) return absl::StrJoin(list, ",");
  return absl::StrCat(absl::StrJoin(list.begin(), list.begin() + kShown, ","), " + ",
                      list.size() - kShown, " more");
}

std::string_view ConditionText(const std::vector<compile::Condition>& conditions,
                               std::string_view type) {
  const compile::Condition* condition = compile::FindCondition(conditions, type);
  if (condition == nullptr) return "Unknown";
  return condition->status ? "True" : "False";
}

std::string_view ParentsText(const compile::RouteStatus* status, std::string_view type) {
  std::string_view all;
  if (status == nullptr || status->parents.empty()) return "Unknown";
  for (const compile::ParentStatus& parent : status->parents) {
    std::string_view one = ConditionText(parent.conditions, type);
    if (!all.empty() && one != all) return "Partial";
    all = one;
  }
  return all;
}

std::string Count(size_t n, std::string_view noun) {
  return absl::StrCat(n, " ", noun, n == 1 ? "" : "s");
}

}  // namespace sluice::gwctl
