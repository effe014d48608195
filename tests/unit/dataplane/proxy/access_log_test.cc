#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <random>

#include "absl/strings/match.h"
#include "dataplane/core/event_loop.h"
#include "dataplane/proxy/access_log_format.h"
#include "dataplane/proxy/access_log_writer.h"

namespace sluice::proxy {
namespace {

stream::AccessRecord Example() {
  return {.wall_ms = 1'700'000'000'123,
          .duration_us = 1500,
          .bytes_in = 3,
          .bytes_out = 4,
          .status = 200,
          .client = "192.0.2.7:1234",
          .protocol = "HTTP/2",
          .method = "GET",
          .scheme = "https",
          .host = "a.example",
          .target = "/x?y",
          .user_agent = "curl",
          .listener = "ns/gw/https",
          .route = "ns/r",
          .endpoint = "10.0.0.1:80"};
}

std::string LineOf(const stream::AccessRecord& record, snapshot::Settings::AccessLog format) {
  std::string line;
  AppendLine(record, format, line);
  return line;
}

TEST(AccessLogFormat, Json) {
  EXPECT_EQ(
      LineOf(Example(), snapshot::Settings::ACCESS_LOG_JSON),
      R"({"time":"2023-11-14T22:13:20.123Z","status":200,"duration_ms":1.500,"bytes_in":3,"bytes_out":4,)"
      R"("client":"192.0.2.7:1234","protocol":"HTTP/2","method":"GET","scheme":"https","host":"a.example",)"
      R"("target":"/x?y","listener":"ns/gw/https","route":"ns/r","endpoint":"10.0.0.1:80","user_agent":"curl"})"
      "\n");
}

TEST(AccessLogFormat, Text) {
  stream::AccessRecord record = Example();
  record.fault = core::FaultCode::kUpstreamReset;
  record.retries = 2;
  record.endpoint = "";
  EXPECT_EQ(LineOf(record, snapshot::Settings::ACCESS_LOG_TEXT),
            "2023-11-14T22:13:20.123Z 192.0.2.7:1234 200 1.500ms in=3 out=4 upstream_reset/2 "
            "\"HTTP/2\" \"GET\" "
            "\"https\" \"a.example\" \"/x?y\" \"ns/gw/https\" \"ns/r\" - \"curl\"\n");
}

TEST(AccessLogFormat, EscapesWhatClientsSend) {
  const struct {
    std::string in, json, text;
  } rows[] = {
      {"a\"b\\c", "a\\\"b\\\\c", "a\\\"b\\\\c"},
      {"a\r\nb\x1b[31m", "a\\u000d\\u000ab\\u001b[31m", "a\\x0d\\x0ab\\x1b[31m"},
      {std::string("\0\x7f", 2), "\\u0000\\u007f", "\\x00\\x7f"},
      {"\xc2\x9b", "\\u009b", "\\xc2\\x9b"},                                          // CSI as C1
      {"\xc3\xa9\xe2\x82\xac", "\xc3\xa9\xe2\x82\xac", "\\xc3\\xa9\\xe2\\x82\\xac"},  // valid
      {"\xff", "\xef\xbf\xbd", "\\xff"},
      {"\xc3", "\xef\xbf\xbd", "\\xc3"},                                            // cut off
      {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd", "\\xc0\\xaf"},                       // overlong
      {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "\\xed\\xa0\\x80"},  // surrogate
  };
  for (const auto& row : rows) {
    std::string json, text;
    AppendJsonEscaped(row.in, json);
    AppendTextEscaped(row.in, text);
    EXPECT_EQ(json, row.json);
    EXPECT_EQ(text, row.text);
  }
}

TEST(AccessLogFormat, RandomBytesAreAlwaysOneParsableLine) {
  std::mt19937 random(1);
  for (int i = 0; i < 5000; ++i) {
    std::string bytes(random() % 40, '\0');
    for (char& c : bytes)
      c = static_cast<char>(random() % 4 == 0 ? random() : 0x80 + random() % 0x60);
    stream::AccessRecord record = Example();
    record.target = record.user_agent = record.host = bytes;
    const std::string line = LineOf(record, snapshot::Settings::ACCESS_LOG_JSON);
    ASSERT_EQ(line.find('\n'), line.size() - 1);
    ASSERT_TRUE(nlohmann::json::accept(line)) << line;
    const std::string text = LineOf(record, snapshot::Settings::ACCESS_LOG_TEXT);
    ASSERT_TRUE(
        std::all_of(text.begin(), text.end() - 1, [](char c) { return c >= 0x20 && c < 0x7f; }));
  }
}

// A batch of `count` records, as a worker makes it.
std::string BatchOf(int count) {
  core::EventLoop loop;
  std::string all;
  stream::AccessLog log(loop, [&](std::string batch) { all += batch; });
  for (int i = 0; i < count; ++i) log.Append(Example());
  log.Flush();
  return all;
}

std::string ReadAll(int fd) {
  std::string text;
  char chunk[65536];
  for (ssize_t n; (n = ::read(fd, chunk, sizeof chunk)) > 0;) text.append(chunk, n);
  return text;
}

TEST(AccessLogWriter, WritesEverythingBeforeItEnds) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const core::Fd out(ends[0]);
  core::Fd in(ends[1]);
  {
    AccessLogWriter writer(in.get());
    for (int i = 0; i < 10; ++i) writer.Take(BatchOf(3));
  }
  in.Reset();
  const std::string text = ReadAll(out.get());
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 30);
}

TEST(AccessLogWriter, AReaderThatStopsCostsLinesAndNothingElse) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  core::Fd out(ends[0]);
  const core::Fd in(ends[1]);
  const std::string batch = BatchOf(1000);
  const size_t fit = AccessLogWriter::kMaxQueuedBytes / batch.size();
  uint64_t sent = 0, written = 0, dropped = 0;
  ::signal(SIGPIPE, SIG_IGN);
  {
    AccessLogWriter writer(in.get());
    for (size_t i = 0; i < fit + 20; ++i, sent += 1000) writer.Take(batch);
    EXPECT_GE(writer.dropped(), 10'000u);
    EXPECT_LE(writer.dropped(), 21'000u);
    out.Reset();  // the blocked write fails, and so do those behind it
    while (writer.lines() + writer.dropped() < sent) std::this_thread::yield();
    written = writer.lines();
    dropped = writer.dropped();
  }
  EXPECT_EQ(written + dropped, sent);
}

}  // namespace
}  // namespace sluice::proxy
