#include "dataplane/proxy/access_log_format.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"

namespace sluice::proxy {
namespace {

using stream::AccessRecord;

std::string Time(const AccessRecord& record) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromUnixMillis(record.wall_ms),
                          absl::UTCTimeZone());
}

double Milliseconds(const AccessRecord& record) {
  return static_cast<double>(record.duration_us) / 1000;
}

// The length of the well-formed UTF-8 sequence at the front (RFC 3629); 0: there is none.
size_t SequenceLength(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  const size_t length = first < 0x80   ? 1
                        : first < 0xc2 ? 0
                        : first < 0xe0 ? 2
                        : first < 0xf0 ? 3
                        : first < 0xf5 ? 4
                                       : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if (first == 0xe0 && byte(1) < 0xa0) return 0;  // overlong
  if (first == 0xed && byte(1) > 0x9f) return 0;  // surrogates
  if (first == 0xf0 && byte(1) < 0x90) return 0;  // overlong
  if (first == 0xf4 && byte(1) > 0x8f) return 0;  // beyond U+10FFFF
  return length;
}

void AppendJsonField(std::string_view name, std::string_view value, std::string& out) {
  absl::StrAppend(&out, ",\"", name, "\":\"");
  AppendJsonEscaped(value, out);
  out += '"';
}

void AppendJson(const AccessRecord& record, std::string& out) {
  absl::StrAppend(&out, "{\"time\":\"", Time(record), "\",\"status\":", record.status);
  absl::StrAppendFormat(&out, ",\"duration_ms\":%.3f", Milliseconds(record));
  absl::StrAppend(&out, ",\"bytes_in\":", record.bytes_in, ",\"bytes_out\":", record.bytes_out);
  const struct {
    std::string_view name, value;
  } fields[] = {{"client", record.client},     {"protocol", record.protocol},
                {"method", record.method},     {"scheme", record.scheme},
                {"host", record.host},         {"target", record.target},
                {"listener", record.listener}, {"route", record.route},
                {"endpoint", record.endpoint}, {"user_agent", record.user_agent}};
  for (const auto& field : fields) AppendJsonField(field.name, field.value, out);
  if (record.retries > 0) absl::StrAppend(&out, ",\"retries\":", record.retries);
  if (record.fault != core::FaultCode::kNone)
    AppendJsonField("fault", core::FlagName(record.fault), out);
  out += "}\n";
}

void AppendWord(std::string_view text, std::string& out) {
  out += ' ';
  if (text.empty()) {
    out += '-';
    return;
  }
  out += '"';
  AppendTextEscaped(text, out);
  out += '"';
}

void AppendText(const AccessRecord& record, std::string& out) {
  absl::StrAppend(&out, Time(record), " ", record.client, " ", record.status);
  absl::StrAppendFormat(&out, " %.3fms in=%d out=%d ", Milliseconds(record), record.bytes_in,
                        record.bytes_out);
  absl::StrAppend(&out, core::FlagName(record.fault),
                  record.retries > 0 ? absl::StrCat("/", record.retries) : "");
  for (std::string_view word :
       {record.protocol, record.method, record.scheme, record.host, record.target, record.listener,
        record.route, record.endpoint, record.user_agent}) {
    AppendWord(word, out);
  }
  out += '\n';
}

}  // namespace

void AppendJsonEscaped(std::string_view text, std::string& out) {
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    const auto byte = static_cast<uint8_t>(text[0]);
    const bool c1 =
        length == 2 && byte == 0xc2 && static_cast<uint8_t>(text[1]) < 0xa0;  // U+0080 to U+009F
    if (length == 0) {
      out += "\xef\xbf\xbd";
    } else if (byte < 0x20 || byte == 0x7f || c1) {
      absl::StrAppendFormat(&out, "\\u%04x", c1 ? static_cast<uint8_t>(text[1]) : byte);
    } else {
      if (byte == '"' || byte == '\\') out += '\\';
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

void AppendTextEscaped(std::string_view text, std::string& out) {
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x20 || byte >= 0x7f) {
      absl::StrAppendFormat(&out, "\\x%02x", byte);
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
}

void AppendLine(const AccessRecord& record, snapshot::Settings::AccessLog format,
                std::string& out) {
  if (format == snapshot::Settings::ACCESS_LOG_TEXT) {
    AppendText(record, out);
  } else {
    AppendJson(record, out);
  }
}

}  // namespace sluice::proxy
