#include "control/launcher/launch_options.h"

#include <gtest/gtest.h>

#include "control/launcher/launch.h"
#include "control/launcher/stage.h"

namespace sluice::launcher {
namespace {

using Arguments = std::vector<std::string>;

TEST(LaunchOptions, PassesOnWhatItDoesNotKnow) {
  const auto options =
      ParseLaunchOptions({"--manifests", "/etc/sluice", "--run-dir", "/run/x", "--interface",
                          "eth0", "--user", "web", "--", "--workers", "4", "--user", "--"});
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(*options,
            (LaunchOptions{.user = "web",
                           .run_dir = "/run/x",
                           .agent_arguments = {"--manifests", "/etc/sluice", "--interface", "eth0"},
                           .proxy_arguments = {"--workers", "4", "--user", "--"}}));
}

TEST(LaunchOptions, AnOptionWithoutItsValueIsAnError) {
  const auto options = ParseLaunchOptions({"--manifests", "/x", "--bpffs"});
  EXPECT_EQ(options.status().message(), "--bpffs needs a value");
}

TEST(LaunchOptions, TheProxyIsNeverRoot) {
  EXPECT_EQ(ResolveUser("0").status().message(), "the proxy never runs as root");
  EXPECT_EQ(ResolveUser("root").status().message(), "the proxy never runs as root");
  EXPECT_EQ(ResolveUser("no-such-user").status().message(), "no such user: no-such-user");
  EXPECT_EQ(ResolveUser("1234").value(), (User{1234, 1234}));
}

TEST(Launch, ChildrenAreStagesWithTheirSockets) {
  const LaunchOptions options{.run_dir = "/run/x",
                              .bpffs = "/bpf",
                              .agent_arguments = {"--manifests", "/m"},
                              .proxy_arguments = {"--workers", "2"}};
  const auto children = Children(options, {7, 8}, "/opt/bin");
  ASSERT_EQ(children.size(), 2u);
  EXPECT_EQ(children[0].program, "/proc/self/exe");
  EXPECT_EQ(children[0].argv,
            (Arguments{"sluice", "--stage", "agent", "7", "8", "/opt/bin/sluice-agent", "--run-dir",
                       "/run/x", "--bpffs", "/bpf", "--proxy-uid", "7", "--manifests", "/m"}));
  EXPECT_EQ(children[1].argv,
            (Arguments{"sluice", "--stage", "proxy", "7", "8", "/opt/bin/sluice-proxy",
                       "--supervise", "--agent-socket", "/run/x/proxy.sock", "--workers", "2"}));
}

TEST(Stage, ArgumentsRoundTrip) {
  const Stage stage{Role::kProxy, {7, 8}, {"/bin/x", "--stage", "agent"}};
  const auto arguments = StageArguments(stage);
  EXPECT_TRUE(IsStage(arguments));
  EXPECT_EQ(ParseStage(arguments).value(), stage);
}

TEST(Stage, RefusesWhatNoLauncherWrites) {
  EXPECT_FALSE(IsStage({"sluice", "--manifests", "--stage"}));
  EXPECT_FALSE(ParseStage({"sluice", "--stage"}).ok());
  EXPECT_FALSE(ParseStage({"sluice", "--stage", "agent", "1", "1"}).ok());
  EXPECT_FALSE(ParseStage({"sluice", "--stage", "king", "1", "1", "/bin/x"}).ok());
  EXPECT_FALSE(ParseStage({"sluice", "--stage", "agent", "-1", "1", "/bin/x"}).ok());
}

}  // namespace
}  // namespace sluice::launcher
