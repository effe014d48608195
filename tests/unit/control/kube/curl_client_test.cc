#include "control/kube/curl_client.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "h2_server.h"

namespace sluice::kube {
namespace {

class CurlClientTest : public ::testing::Test {
 protected:
  using Stream = std::shared_ptr<H2Server::Stream>;

  void MakeServer(uint16_t port = 0) {
    server_ = std::make_unique<H2Server>(
        loop_,
        [this](const Stream& stream) {
          streams_.push_back(stream);
          if (respond_) respond_(*stream);
        },
        port);
  }
  Config ConfigOf(const H2Server& server) const {
    Config config;
    config.server = server.url();
    config.ca = Material::OfBytes(server.authority());
    config.token = Material::OfBytes("secret");
    return config;
  }
  void Make(CurlClientOptions options = {}) {
    if (server_ == nullptr) MakeServer();
    MakeWith(ConfigOf(*server_), std::move(options));
  }
  void MakeWith(Config config, CurlClientOptions options = {}) {
    client_ = std::make_unique<CurlClient>(loop_, std::move(config), std::move(options));
  }

  // Turns the loop until `done`; false after 10 s.
  bool Turn(const std::function<bool()>& done) {
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    while (!done() && absl::Now() < deadline) loop_.RunOnce(50);
    return done();
  }
  Response Fetch(Request request) {
    std::optional<Response> got;
    const std::unique_ptr<Call> call =
        client_->Send(std::move(request), [&](const Response& response) { got = response; });
    EXPECT_FALSE(got.has_value()) << "called back from within Send";
    EXPECT_TRUE(Turn([&] { return got.has_value(); }));
    return got.value_or(Response{});
  }
  // A watch whose lines, then its end, are put into `log`.
  std::unique_ptr<Call> WatchInto(std::vector<std::string>& log, absl::Duration silence,
                                  std::string path = "/watch") {
    return client_->Watch(
        {.path = std::move(path), .body = "", .deadline = silence},
        [&log](std::string_view line) { log.emplace_back(line); },
        [&log](const Response& response) {
          log.push_back(response.transport.ok() ? absl::StrCat("end ", response.code) : "broken");
        });
  }

  core::EventLoop loop_;
  std::function<void(H2Server::Stream&)> respond_;
  std::vector<Stream> streams_;
  std::unique_ptr<H2Server> server_;
  std::unique_ptr<CurlClient> client_;
};

TEST_F(CurlClientTest, SendsEveryMethodOverOneConnection) {
  respond_ = [](H2Server::Stream& stream) { stream.Answer(200, "done"); };
  Make({.user_agent = "sluice/1"});
  struct Case {
    Method method;
    std::string body, expected;
  };
  for (const Case& row : {
           Case{Method::kGet, "", "GET /p?q=1 type= body="},
           Case{Method::kPost, "{}", "POST /p?q=1 type=application/json body={}"},
           Case{Method::kPut, "{1}", "PUT /p?q=1 type=application/json body={1}"},
           Case{Method::kMergePatch, "{}",
                "PATCH /p?q=1 type=application/merge-patch+json body={}"},
           Case{Method::kDelete, "", "DELETE /p?q=1 type= body="},
       }) {
    const Response response = Fetch({.method = row.method, .path = "/p?q=1", .body = row.body});
    EXPECT_TRUE(response.ok()) << response.ToStatus();
    EXPECT_EQ(response.body, "done");
    auto& seen = *streams_.back();
    EXPECT_EQ(absl::StrCat(seen.headers[":method"], " ", seen.headers[":path"],
                           " type=", seen.headers["content-type"], " body=", seen.body),
              row.expected);
    EXPECT_EQ(seen.headers["authorization"], "Bearer secret");
    EXPECT_EQ(seen.headers["accept"], "application/json");
    EXPECT_EQ(seen.headers["user-agent"], "sluice/1");
  }
  EXPECT_EQ(server_->accepted(), 1);
  EXPECT_EQ(client_->connections(), 1U);
}

TEST_F(CurlClientTest, MultiplexesManyWatchesAndRequests) {
  respond_ = [](H2Server::Stream& stream) {
    if (stream.headers[":path"] == "/watch") return stream.Begin(200);
    stream.Answer(200, "x");
  };
  Make();
  std::vector<std::string> log;
  std::vector<std::unique_ptr<Call>> watches;
  for (int i = 0; i < 30; ++i) watches.push_back(WatchInto(log, absl::Minutes(1)));
  ASSERT_TRUE(Turn([&] { return log.size() == 30; }));
  for (const auto& stream : streams_) stream->Write("event\n");
  ASSERT_TRUE(Turn([&] { return log.size() == 60; }));
  EXPECT_EQ(Fetch({.path = "/p"}).body, "x");
  EXPECT_EQ(server_->accepted(), 1);
}

TEST_F(CurlClientTest, CutsAWatchIntoLines) {
  Make();
  std::vector<std::string> log;
  const auto watch = WatchInto(log, absl::Minutes(1));
  ASSERT_TRUE(Turn([&] { return !streams_.empty(); }));
  H2Server::Stream& stream = *streams_[0];
  stream.Begin(200);
  ASSERT_TRUE(Turn([&] { return log.size() == 1; }));  // the watch stands
  stream.Write("one\ntw");
  ASSERT_TRUE(Turn([&] { return log.size() == 2; }));
  stream.Write("o\n\nthree\ncut of");
  ASSERT_TRUE(Turn([&] { return log.size() == 4; }));
  stream.Write("f", true);
  ASSERT_TRUE(Turn([&] { return log.size() == 5; }));
  EXPECT_EQ(absl::StrJoin(log, "|"), "|one|two|three|end 200");
}

TEST_F(CurlClientTest, GivesTheBodyOfARefusedWatch) {
  respond_ = [](H2Server::Stream& stream) {
    stream.Begin(429, {{"retry-after", "7"}});
    stream.Write(R"({"message":"slow down","reason":"TooManyRequests"})", true);
  };
  Make();
  std::optional<Response> end;
  const auto watch = client_->Watch(
      {.path = "/w"}, [](std::string_view) { FAIL(); },
      [&](const Response& response) { end = response; });
  ASSERT_TRUE(Turn([&] { return end.has_value(); }));
  EXPECT_EQ(end->retry_after, absl::Seconds(7));
  EXPECT_EQ(end->ToStatus(), absl::ResourceExhaustedError("HTTP 429 TooManyRequests: slow down"));
}

TEST_F(CurlClientTest, CancelsWithoutACallback) {
  Make();
  std::vector<std::string> log;
  auto watch = WatchInto(log, absl::Minutes(1));
  auto never = client_->Send({.path = "/never"}, [](const Response&) { FAIL(); });
  auto at_once = client_->Send({.path = "/at-once"}, [](const Response&) { FAIL(); });
  at_once.reset();
  ASSERT_TRUE(Turn([&] { return streams_.size() == 2; }));
  streams_[0]->Begin(200);
  streams_[0]->Write("a\nb\n");
  never.reset();
  watch.reset();
  respond_ = [](H2Server::Stream& stream) { stream.Answer(200, "x"); };
  EXPECT_EQ(Fetch({.path = "/p"}).body, "x");
  EXPECT_EQ(server_->accepted(), 1);  // the same connection, which is rid of the two
  EXPECT_TRUE(streams_[0]->gone());
  EXPECT_TRUE(streams_[1]->gone());
  EXPECT_TRUE(log.empty());
}

TEST_F(CurlClientTest, MayBeCancelledFromItsOwnCallback) {
  Make();
  std::vector<std::string> log;
  std::unique_ptr<Call> watch;
  std::unique_ptr<Call> next;
  watch = client_->Watch(
      {.path = "/w"},
      [&](std::string_view line) {
        log.emplace_back(line);
        if (line != "b") return;
        watch.reset();
        next = client_->Send({.path = "/next"},
                             [&](const Response& response) { log.push_back(response.body); });
      },
      [](const Response&) { FAIL(); });
  ASSERT_TRUE(Turn([&] { return !streams_.empty(); }));
  streams_[0]->Begin(200);
  streams_[0]->Write("a\nb\nc\n");
  ASSERT_TRUE(Turn([&] { return streams_.size() == 2; }));
  streams_[1]->Answer(200, "next");
  ASSERT_TRUE(Turn([&] { return log.size() == 4; }));
  EXPECT_EQ(absl::StrJoin(log, "|"), "|a|b|next");
}

TEST_F(CurlClientTest, EndsWhenTheConnectionBreaksAndMakesANewOne) {
  Make();
  std::vector<std::string> log;
  const auto watch = WatchInto(log, absl::Minutes(1));
  ASSERT_TRUE(Turn([&] { return !streams_.empty(); }));
  streams_[0]->Begin(200);
  streams_[0]->Write("a\n");
  ASSERT_TRUE(Turn([&] { return log.size() == 2; }));
  server_->Drop();
  ASSERT_TRUE(Turn([&] { return log.size() == 3; }));
  EXPECT_EQ(log[2], "broken");
  respond_ = [](H2Server::Stream& stream) { stream.Answer(200, "x"); };
  EXPECT_EQ(Fetch({.path = "/p"}).body, "x");
  EXPECT_EQ(server_->accepted(), 2);
}

TEST_F(CurlClientTest, TellsOfAStreamThatIsReset) {
  respond_ = [](H2Server::Stream& stream) {
    stream.Begin(200);
    stream.Write("half");
    stream.Reset();
  };
  Make();
  const Response response = Fetch({.path = "/p"});
  EXPECT_FALSE(response.transport.ok());
  EXPECT_TRUE(absl::IsUnavailable(response.ToStatus()));
}

TEST_F(CurlClientTest, HasDeadlines) {
  respond_ = [](H2Server::Stream& stream) {
    if (stream.headers[":path"] == "/watch") stream.Begin(200);
  };
  Make();
  const Response response = Fetch({.path = "/p", .body = "", .deadline = absl::Milliseconds(50)});
  EXPECT_EQ(response.transport.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(response.ToStatus().message(), absl::StrCat(server_->url(), ": no answer for 50ms"));
  // A watch's is one of silence.
  std::vector<std::string> log;
  const auto watch = WatchInto(log, absl::Milliseconds(300));
  ASSERT_TRUE(Turn([&] { return log.size() == 1; }));
  const absl::Time start = absl::Now();
  for (int i = 0; i < 5; ++i) {
    const absl::Time next = absl::Now() + absl::Milliseconds(100);
    ASSERT_TRUE(Turn([&] { return absl::Now() >= next; }));
    streams_.back()->Write("x\n");
  }
  ASSERT_TRUE(Turn([&] { return log.size() == 7; }));
  EXPECT_GT(absl::Now() - start, absl::Milliseconds(700));
  EXPECT_EQ(log.back(), "broken");
}

TEST_F(CurlClientTest, NoticesAServerThatAnswersNoMore) {
  respond_ = [](H2Server::Stream& stream) { stream.Begin(200); };
  Make({.silence = absl::Milliseconds(100), .probe = absl::Milliseconds(100)});
  std::vector<std::string> log;
  std::vector<std::unique_ptr<Call>> watches;
  for (int i = 0; i < 3; ++i) watches.push_back(WatchInto(log, absl::Hours(1)));
  ASSERT_TRUE(Turn([&] { return log.size() == 3; }));
  server_->Freeze();
  ASSERT_TRUE(Turn([&] { return log.size() == 6; }));
  EXPECT_EQ(log.back(), "broken");
  watches.clear();
  respond_ = [](H2Server::Stream& stream) { stream.Answer(200, "x"); };
  EXPECT_EQ(Fetch({.path = "/p"}).body, "x");
  EXPECT_EQ(server_->accepted(), 2);
}

TEST_F(CurlClientTest, ProbesAQuietServerAndLeavesItAlone) {
  respond_ = [](H2Server::Stream& stream) {
    if (stream.headers[":path"] == "/version") return stream.Answer(403, "");
    stream.Begin(200);
  };
  Make({.silence = absl::Milliseconds(50), .probe = absl::Seconds(5)});
  std::vector<std::string> log;
  const auto watch = WatchInto(log, absl::Hours(1));
  ASSERT_TRUE(Turn([&] { return streams_.size() >= 4; }));
  EXPECT_EQ(log.size(), 1U);
  EXPECT_EQ(server_->accepted(), 1);
}

TEST_F(CurlClientTest, BoundsWhatItTakes) {
  respond_ = [](H2Server::Stream& stream) {
    stream.Begin(200);
    stream.Write(std::string(3000, 'x'), stream.headers[":path"] != "/watch");
  };
  Make({.max_body_bytes = 2000});
  EXPECT_EQ(Fetch({.path = "/p"}).transport,
            absl::ResourceExhaustedError("the answer is larger than 2000 bytes"));
  Make({.max_line_bytes = 2000});
  std::optional<Response> end;
  const auto watch = client_->Watch(
      {.path = "/watch"}, [](std::string_view) {},
      [&](const Response& response) { end = response; });
  ASSERT_TRUE(Turn([&] { return end.has_value(); }));
  EXPECT_EQ(end->transport,
            absl::ResourceExhaustedError("a watch event is larger than 2000 bytes"));
}

TEST_F(CurlClientTest, TrustsTheGivenAuthorityAlone) {
  respond_ = [](H2Server::Stream& stream) { stream.Answer(200, "x"); };
  MakeServer();
  Config config = ConfigOf(*server_);
  config.ca = Material::OfBytes(TestIdentity::Make("other", "IP:127.0.0.1").certificate);
  MakeWith(std::move(config));
  const Response other = Fetch({.path = "/p"});
  EXPECT_TRUE(absl::StrContains(other.transport.message(), "certificate")) << other.transport;

  config = ConfigOf(*server_);
  config.tls_server_name = "wrong.test";
  MakeWith(std::move(config));
  EXPECT_FALSE(Fetch({.path = "/p"}).transport.ok());

  config = ConfigOf(*server_);
  config.tls_server_name = "api.test";
  MakeWith(std::move(config));
  EXPECT_EQ(Fetch({.path = "/p"}).body, "x");

  config = ConfigOf(*server_);
  config.ca = Material();
  config.verify_server = false;
  MakeWith(std::move(config));
  EXPECT_EQ(Fetch({.path = "/p"}).body, "x");
}

TEST_F(CurlClientTest, ShowsItsCertificate) {
  respond_ = [](H2Server::Stream& stream) { stream.Answer(200, stream.client); };
  MakeServer();
  const TestIdentity me = TestIdentity::Make("me", "");
  Config config = ConfigOf(*server_);
  config.client_certificate = Material::OfBytes(me.certificate);
  config.client_key = Material::OfBytes(me.key);
  MakeWith(std::move(config));
  EXPECT_EQ(Fetch({.path = "/p"}).body, "me");
}

TEST_F(CurlClientTest, ReadsARefusedTokenAgain) {
  std::string path = "/tmp/sluice_tokenXXXXXX";
  const core::Fd file(::mkstemp(path.data()));
  ASSERT_EQ(::write(file.get(), "old", 3), 3);
  respond_ = [](H2Server::Stream& stream) {
    stream.Answer(stream.headers["authorization"] == "Bearer new" ? 200 : 401, "{}");
  };
  MakeServer();
  Config config = ConfigOf(*server_);
  config.token = Material::OfFile(path);
  MakeWith(std::move(config));
  EXPECT_EQ(Fetch({.path = "/p"}).code, 401);
  ASSERT_EQ(::pwrite(file.get(), "new", 3, 0), 3);
  EXPECT_EQ(Fetch({.path = "/p"}).code, 200);
  ::unlink(path.c_str());
}

TEST_F(CurlClientTest, SaysWhatIsMissing) {
  MakeServer();
  Config config = ConfigOf(*server_);
  config.token = Material::OfFile("/nonexistent/token");
  MakeWith(std::move(config));
  EXPECT_EQ(Fetch({.path = "/p"}).ToStatus(),
            absl::UnavailableError("reading /nonexistent/token: No such file or directory"));
}

TEST_F(CurlClientTest, SaysThatNobodyListens) {
  MakeServer();
  Config config = ConfigOf(*server_);
  const std::string url = server_->url();
  server_.reset();
  MakeWith(std::move(config));
  const absl::Status status = Fetch({.path = "/p"}).ToStatus();
  EXPECT_TRUE(absl::StartsWith(status.message(), url + ": Failed to connect")) << status;
}

TEST(ResponseTest, HasACodeForEachKindOfError) {
  struct Case {
    int code;
    absl::StatusCode expected;
  };
  for (const Case& row : {
           Case{200, absl::StatusCode::kOk},
           Case{201, absl::StatusCode::kOk},
           Case{302, absl::StatusCode::kFailedPrecondition},
           Case{400, absl::StatusCode::kFailedPrecondition},
           Case{401, absl::StatusCode::kUnauthenticated},
           Case{403, absl::StatusCode::kPermissionDenied},
           Case{404, absl::StatusCode::kNotFound},
           Case{409, absl::StatusCode::kAborted},
           Case{410, absl::StatusCode::kOutOfRange},
           Case{422, absl::StatusCode::kInvalidArgument},
           Case{429, absl::StatusCode::kResourceExhausted},
           Case{500, absl::StatusCode::kUnavailable},
           Case{504, absl::StatusCode::kUnavailable},
       }) {
    EXPECT_EQ((Response{.transport = {}, .code = row.code, .body = "no json", .retry_after = {}})
                  .ToStatus()
                  .code(),
              row.expected)
        << row.code;
  }
}

}  // namespace
}  // namespace sluice::kube
