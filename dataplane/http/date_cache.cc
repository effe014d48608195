#include "dataplane/http/date_cache.h"

#include <time.h>

#include <cstdio>
#include <cstring>

namespace sluice::http {
namespace {

constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

}  // namespace

std::array<char, 29> FormatDate(int64_t unix_seconds) {
  const time_t seconds = unix_seconds;
  tm at;
  gmtime_r(&seconds, &at);
  char text[64];  // strftime would follow the locale
  std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[at.tm_wday],
                at.tm_mday, kMonths[at.tm_mon], at.tm_year + 1900, at.tm_hour, at.tm_min,
                at.tm_sec);
  std::array<char, 29> date;
  std::memcpy(date.data(), text, date.size());
  return date;
}

void DateCache::Renew() {
  const int64_t wall_ms = loop_.wall_ms();
  text_ = FormatDate(wall_ms / 1000);
  fresh_until_ms_ = loop_.now_ms() + 1000 - static_cast<uint64_t>(wall_ms % 1000);
}

}  // namespace sluice::http
