#include "dataplane/proxy/options.h"

#include <gtest/gtest.h>

namespace sluice::proxy {
namespace {

core::Address At(const char* ip, uint16_t port) { return *core::Address::Parse(ip, port); }

ProxyOptions Parsed(const std::vector<std::string>& arguments) {
  const auto parsed = ParseProxyOptions(arguments, false);
  const auto* options = std::get_if<ProxyOptions>(&parsed);
  EXPECT_NE(options, nullptr);
  return options == nullptr ? ProxyOptions{} : *options;
}

TEST(ProxyOptions, UnderTheAgent) {
  EXPECT_EQ(Parsed({"--agent-socket", "/run/x", "--workers", "3", "--supervise"}),
            (ProxyOptions{.agent_socket = "/run/x",
                          .workers = 3,
                          .metrics = At("127.0.0.1", 9465),
                          .supervise = true}));
}

TEST(ProxyOptions, Alone) {
  EXPECT_EQ(
      Parsed({"--snapshot", "s", "--certs", "c", "--listen", "ns/gw/a=127.0.0.1:80", "--listen",
              "b=[::1]:81", "--metrics", "off", "--drain-timeout", "0.5", "--sandbox", "off"}),
      (ProxyOptions{.snapshot_file = "s",
                    .certificate_folder = "c",
                    .listen = {{"ns/gw/a", At("127.0.0.1", 80)}, {"b", At("::1", 81)}},
                    .drain_timeout = absl::Milliseconds(500),
                    .sandbox = false}));
}

TEST(ProxyOptions, UsageErrorsHaveTheirOwnExitCode) {
  const std::vector<std::vector<std::string>> rows = {
      {},
      {"--workers", "2"},
      {"--agent-socket", "x", "--snapshot", "y", "--listen", "a=127.0.0.1:1"},
      {"--agent-socket", "x", "--listen", "a=127.0.0.1:1"},
      {"--agent-socket", "x", "--certs", "c"},
      {"--agent-socket", "x", "--workers", "-1"},
      {"--agent-socket", "x", "--workers", "100000"},
      {"--agent-socket", "x", "--metrics", "9465"},
      {"--agent-socket", "x", "--sandbox", "maybe"},
      {"--agent-socket", "x", "--unknown"},
      {"--snapshot", "s"},
      {"--snapshot", "s", "--listen", "127.0.0.1:80"},
      {"--snapshot", "s", "--listen", "=127.0.0.1:80"},
      {"--snapshot", "s", "--listen", "a=localhost:80"},
      {"--snapshot", "s", "--listen", "a=127.0.0.1"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(std::get<int>(ParseProxyOptions(row, false)), 64) << ::testing::PrintToString(row);
  }
  EXPECT_EQ(std::get<int>(ParseProxyOptions({"--help"}, false)), 0);
}

TEST(ProxyOptions, TheSandboxCannotBeOffUnderKubernetes) {
  EXPECT_EQ(std::get<int>(ParseProxyOptions({"--agent-socket", "x", "--sandbox", "off"}, true)),
            64);
  EXPECT_TRUE(std::get<ProxyOptions>(ParseProxyOptions({"--agent-socket", "x"}, true)).sandbox);
}

}  // namespace
}  // namespace sluice::proxy
