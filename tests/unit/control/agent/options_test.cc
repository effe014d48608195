#include "control/agent/options.h"

#include <gtest/gtest.h>

namespace sluice::agent {
namespace {

AgentOptions Parsed(const std::vector<std::string>& arguments) {
  const auto parsed = ParseAgentOptions(arguments);
  const auto* options = std::get_if<AgentOptions>(&parsed);
  EXPECT_NE(options, nullptr);
  return options == nullptr ? AgentOptions{} : *options;
}

TEST(AgentOptions, Defaults) {
  EXPECT_EQ(Parsed({"--manifests", "/m", "--interface", "eth0"}),
            (AgentOptions{.manifests = "/m",
                          .interfaces = {"eth0"},
                          .run_dir = "/run/sluice",
                          .state_dir = "/var/lib/sluice",
                          .bpffs = "/sys/fs/bpf",
                          .metrics = *core::Address::Parse("127.0.0.1", 9464)}));
}

TEST(AgentOptions, Everything) {
  EXPECT_EQ(
      Parsed({"--manifests", "/m", "--interface", "eth0", "--interface", "eth1", "--run-dir", "/r",
              "--state-dir", "/s", "--bpffs",     "/b",   "--attach",    "tcx",  "--metrics", "off",
              "--workers",   "3",  "--proxy-uid", "7"}),
      (AgentOptions{.manifests = "/m",
                    .interfaces = {"eth0", "eth1"},
                    .run_dir = "/r",
                    .state_dir = "/s",
                    .bpffs = "/b",
                    .attach = packet::AttachPreference::kTcx,
                    .workers = 3,
                    .proxy_uid = 7}));
}

TEST(AgentOptions, WithoutPacketPathNoInterfaceIsNeeded) {
  EXPECT_FALSE(Parsed({"--manifests", "/m", "--no-packet-path"}).packet_path);
  EXPECT_TRUE(Parsed({"--detach"}).detach);
  EXPECT_EQ(Parsed({"--manifests", "/m", "--interface", "e", "--attach", "xdp"}).attach,
            packet::AttachPreference::kXdp);
}

TEST(AgentOptions, ACluster) {
  EXPECT_EQ(Parsed({"--kubeconfig",
                    "/k",
                    "--context",
                    "lab",
                    "--api-server",
                    "https://localhost:7445",
                    "--namespace",
                    "gw",
                    "--node",
                    "n1",
                    "--secret-namespace",
                    "a",
                    "--secret-namespace",
                    "b",
                    "--interface",
                    "eth0",
                    "--metrics",
                    "off",
                    "--take-over",
                    "--proxy-socket",
                    "/p"}),
            (AgentOptions{.cluster = {.kubeconfig = "/k",
                                      .context = "lab",
                                      .server = "https://localhost:7445",
                                      .own_namespace = "gw",
                                      .secret_namespaces = {"a", "b"}},
                          .node = "n1",
                          .interfaces = {"eth0"},
                          .proxy_door = "/p",
                          .take_over = true}));
  EXPECT_TRUE(Parsed({"--in-cluster", "--interface", "eth0"}).cluster.in_cluster);
  EXPECT_EQ(
      Parsed({"--in-cluster", "--daemonset", "sluice", "--interface", "eth0"}).cluster.daemonset,
      "sluice");
  EXPECT_TRUE(Parsed({"--ready"}).ready);
}

TEST(AgentOptions, UsageErrorsHaveTheirOwnExitCode) {
  const std::vector<std::vector<std::string>> rows = {
      {},
      {"--manifests", "/m"},
      {"--interface", "eth0"},
      {"--manifests", "/m", "--in-cluster", "--interface", "eth0"},
      {"--kubeconfig", "/k", "--in-cluster", "--interface", "eth0"},
      {"--manifests", "/m", "--interface", "eth0", "--attach", "magic"},
      {"--manifests", "/m", "--interface", "eth0", "--metrics", "here"},
      {"--manifests", "/m", "--interface", "eth0", "--workers", "1000"},
      {"--manifests", "/m", "--interface", "eth0", "--proxy-uid", "-1"},
      {"--manifests", "/m", "--interface", "eth0", "--unknown"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(std::get<int>(ParseAgentOptions(row)), 64) << ::testing::PrintToString(row);
  }
  EXPECT_EQ(std::get<int>(ParseAgentOptions({"--help"})), 0);
}

TEST(AgentOptions, PinsLieInAVersionedFolderOfTheBpffs) {
  AgentOptions options{.bpffs = "/mnt/bpf"};
  EXPECT_EQ(options.pin_folder().substr(0, 17), "/mnt/bpf/sluice/v");
}

}  // namespace
}  // namespace sluice::agent
