#include "dataplane/core/answer_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/core/address.h"
#include "dataplane/core/listen.h"

namespace sluice::core {
namespace {

constexpr size_t kLarge = 8 << 20;

// A request is what comes before '.'; its first letter says how it is answered.
class AnswerServerTest : public ::testing::Test {
 protected:
  AnswerServerTest() {
    auto listening = ListenTcp(*Address::Parse("127.0.0.1", 0), false);
    EXPECT_TRUE(listening.ok()) << listening.status();
    address_ = *Address::OfLocal(listening->get());
    server_ = std::make_unique<AnswerServer>(
        loop_, kOptions,
        [this](std::string_view received, bool complete, AnswerServer::Respond respond) {
          return Read(received, complete, std::move(respond));
        });
    server_->Start(*std::move(listening));
  }

  bool Read(std::string_view received, bool complete, AnswerServer::Respond respond) {
    seen_.push_back(std::string(received) + (complete ? "|" : ""));
    if (received.size() > kOptions.max_request_bytes) {
      respond("too long");
      return true;
    }
    if (!received.ends_with('.')) return false;
    switch (received.front()) {
      case 'n':
        respond("now");
        break;
      case 'e':
        respond("");
        break;
      case 'h':
        respond(std::string(kLarge, 'h'));
        break;
      default:
        late_ = std::move(respond);
    }
    return true;
  }

  Fd Connect() const {
    Fd fd(::socket(AF_INET, SOCK_STREAM, 0));
    EXPECT_TRUE(fd.valid() && ::connect(fd.get(), address_.get(), address_.size()) == 0);
    return fd;
  }
  void Send(const Fd& client, std::string_view text) {
    EXPECT_EQ(::send(client.get(), text.data(), text.size(), MSG_NOSIGNAL), std::ssize(text));
    for (int i = 0; i < 5; ++i) loop_.RunOnce(1);
  }
  // All that comes until the server closes; "(open)" behind it if it does not within a second.
  std::string Rest(const Fd& client) {
    std::string text;
    char chunk[65536];
    for (const uint64_t begin = loop_.now_ms(); loop_.now_ms() - begin < 1000; loop_.RunOnce(1)) {
      ssize_t n;
      while ((n = ::recv(client.get(), chunk, sizeof chunk, MSG_DONTWAIT)) > 0)
        text.append(chunk, static_cast<size_t>(n));
      if (n == 0 || errno == ECONNRESET) return text;
    }
    return text + "(open)";
  }

  static constexpr AnswerServer::Options kOptions = {
      .max_clients = 4, .max_request_bytes = 8, .deadline_ms = 300};
  EventLoop loop_;
  Address address_;
  std::vector<std::string> seen_;  // what the reader was shown
  AnswerServer::Respond late_;
  std::unique_ptr<AnswerServer> server_;
};

TEST_F(AnswerServerTest, OneRequestOneAnswerThenTheEnd) {
  const struct {
    std::vector<std::string_view> sent;
    bool half_close;
    std::string answer;
    std::vector<std::string> seen;
  } rows[] = {
      {{"now."}, false, "now", {"now."}},
      {{"n", "ow."}, false, "now", {"n", "now."}},
      {{"end."}, false, "", {"end."}},
      {{"huge."}, false, std::string(kLarge, 'h'), {"huge."}},
      {{"n"}, true, "", {"n", "n|"}},  // not a request, and no more comes
      {{}, true, "", {"|"}},
      {{"123456789"}, false, "too long", {"123456789|"}},
  };
  for (const auto& row : rows) {
    seen_.clear();
    const Fd client = Connect();
    for (const std::string_view text : row.sent) Send(client, text);
    if (row.half_close) ::shutdown(client.get(), SHUT_WR);
    EXPECT_EQ(Rest(client), row.answer);
    EXPECT_EQ(seen_, row.seen);
  }
}

TEST_F(AnswerServerTest, AnAnswerMayComeLater) {
  const Fd client = Connect();
  Send(client, "late.");
  ASSERT_TRUE(late_);
  late_("here");
  EXPECT_EQ(Rest(client), "here");
}

TEST_F(AnswerServerTest, AnAnswerMayComeTooLate) {
  const Fd client = Connect();
  Send(client, "late.");
  EXPECT_EQ(Rest(client), "");  // the deadline
  late_("nobody hears it");
  const Fd next = Connect();
  Send(next, "late.");
  server_.reset();
  late_("nor this");
}

TEST_F(AnswerServerTest, ClientsThatSayNothingAreClosedInTime) {
  const Fd client = Connect();
  EXPECT_EQ(Rest(client), "");
}

TEST_F(AnswerServerTest, TheOldestMakesRoom) {
  std::vector<Fd> idle;
  for (size_t i = 0; i < 3 * kOptions.max_clients; ++i) {
    idle.push_back(Connect());
    loop_.RunOnce(10);
  }
  const Fd client = Connect();
  Send(client, "now.");
  EXPECT_EQ(Rest(client), "now");
}

}  // namespace
}  // namespace sluice::core
