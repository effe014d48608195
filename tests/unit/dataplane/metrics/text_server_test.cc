#include "dataplane/metrics/text_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <thread>

#include "../core/no_descriptors.h"

namespace sluice::metrics {
namespace {

class TextServerTest : public ::testing::Test {
 protected:
  TextServerTest() {
    auto listening = Listen(*core::Address::Parse("127.0.0.1", 0));
    EXPECT_TRUE(listening.ok()) << listening.status();
    address_ = *core::Address::OfLocal(listening->get());
    server_ = std::make_unique<TextServer>(
        loop_, *std::move(listening),
        absl::flat_hash_map<std::string, TextServer::Page>{
            {"/metrics", [](TextServer::Respond respond) { respond("a 1\n"); }},
            {"/late", [this](TextServer::Respond respond) { late_ = std::move(respond); }},
            {"/large", [](TextServer::Respond respond) { respond(std::string(8 << 20, 'x')); }}});
  }

  // Sends `request` from another thread, turns the loop here; what came back until the end.
  std::string Ask(const std::string& request, const std::function<void()>& between = [] {}) {
    std::string answer;
    std::atomic<bool> done = false;
    std::thread client([&] {
      const core::Fd fd(::socket(AF_INET, SOCK_STREAM, 0));
      if (::connect(fd.get(), address_.get(), address_.size()) == 0) {
        (void)::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
        char chunk[65536];
        for (ssize_t n; (n = ::recv(fd.get(), chunk, sizeof chunk, 0)) > 0;)
          answer.append(chunk, n);
      }
      done = true;
      loop_.Stop();
    });
    while (!done) {
      loop_.RunOnce(10);
      between();
    }
    client.join();
    return answer;
  }

  static std::string Head(const std::string& status, size_t length) {
    return "HTTP/1.1 " + status +
           "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: " +
           std::to_string(length) +
           "\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n";
  }

  core::EventLoop loop_;
  core::Address address_;
  TextServer::Respond late_;
  std::unique_ptr<TextServer> server_;
};

TEST_F(TextServerTest, AnswersGetAndNothingElse) {
  const struct {
    const char* request;
    std::string expected;
  } rows[] = {
      {"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", Head("200 OK", 4) + "a 1\n"},
      {"GET /metrics?x=y HTTP/1.0\r\n\r\n", Head("200 OK", 4) + "a 1\n"},
      {"GET /other HTTP/1.1\r\n\r\n", Head("404 Not Found", 0)},
      {"POST /metrics HTTP/1.1\r\n\r\n", Head("405 Method Not Allowed", 0)},
      {"GET /metrics\r\n\r\n", Head("400 Bad Request", 0)},
      {"\r\n\r\n", Head("400 Bad Request", 0)},
      {"GET /metrics HTTP/2.0\r\n\r\n", Head("400 Bad Request", 0)},
  };
  for (const auto& row : rows) EXPECT_EQ(Ask(row.request), row.expected) << row.request;
}

TEST_F(TextServerTest, AHeadWithoutEndIsRefused) {
  EXPECT_EQ(Ask("GET /metrics HTTP/1.1\r\nX: " + std::string(20'000, 'x')).substr(0, 12),
            "HTTP/1.1 431");
}

TEST_F(TextServerTest, APageMayComeLater) {
  const std::string answer = Ask("GET /late HTTP/1.1\r\n\r\n", [this] {
    if (late_) std::exchange(late_, nullptr)("late");
  });
  EXPECT_EQ(answer, Head("200 OK", 4) + "late");
}

TEST_F(TextServerTest, ALargePageIsWrittenAsTheClientReads) {
  EXPECT_EQ(Ask("GET /large HTTP/1.1\r\n\r\n").size(), Head("200 OK", 8 << 20).size() + (8 << 20));
}

TEST_F(TextServerTest, ClientsThatOnlyConnectLockNobodyOut) {
  std::vector<core::Fd> idle;
  for (size_t i = 0; i < 3 * TextServer::kOptions.max_clients; ++i) {
    idle.emplace_back(::socket(AF_INET, SOCK_STREAM, 0));
    ASSERT_EQ(::connect(idle.back().get(), address_.get(), address_.size()), 0);
    loop_.RunOnce(0);
  }
  EXPECT_EQ(Ask("GET /metrics HTTP/1.1\r\n\r\n"), Head("200 OK", 4) + "a 1\n");
}

TEST_F(TextServerTest, RestsWhileThereAreNoDescriptors) {
  const core::Fd client(::socket(AF_INET, SOCK_STREAM, 0));
  ASSERT_EQ(::connect(client.get(), address_.get(), address_.size()), 0);
  const std::string_view request = "GET /metrics HTTP/1.1\r\n\r\n";
  ASSERT_EQ(::send(client.get(), request.data(), request.size(), 0), std::ssize(request));
  {
    const core::NoDescriptors none;
    EXPECT_TRUE(core::ComesToRest(loop_));
  }
  char answer[256] = {};
  for (int i = 0; i < 50 && ::recv(client.get(), answer, sizeof answer, MSG_DONTWAIT) <= 0; ++i) {
    loop_.RunOnce(10);
  }
  EXPECT_EQ(std::string_view(answer), Head("200 OK", 4) + "a 1\n");
}

}  // namespace
}  // namespace sluice::metrics
