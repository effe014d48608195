#include <gtest/gtest.h>

#include <sstream>

#include "tools/gwctl/commands.h"

namespace sluice::gwctl {
namespace {

view::View Served() {
  view::View view;
  view.agent = view::AgentState{
      .node = "node-1",
      .build = "0.1.0",
      .generation = 12,
      .acknowledged = 12,
      .proxy_connected = true,
      .workers = 2,
      .vips = {{"192.0.2.4", true, {{"arp_answered", 7}, {"ndp_answered", 1}, {"announced", 4}}},
               {"192.0.2.5", false, {}}},
      .devices = {{"eth0", "xdp", true, true, ""}, {"eth1", "silence", false, false, "no carrier"}},
      .counters = {{"arp_answered", 7}, {"malformed", 0}},
      .drift_repaired = 3};
  return view;
}

std::pair<std::string, ExitCode> Status(const view::View& view) {
  std::ostringstream out, err;
  const ExitCode code = StatusCommand(view, Options{}, {out, err, absl::UnixEpoch()});
  return {out.str() + err.str(), code};
}

TEST(Status, ShowsTheAgentAndItsProxy) {
  const auto [text, code] = Status(Served());
  EXPECT_EQ(code, kOk);
  EXPECT_EQ(text, R"(Node:         node-1
Build:        0.1.0
Proxy:        connected, 2 workers
Generation:   12
Drift:        3 repaired

VIP        OWNED  ANSWERED  ANNOUNCED
192.0.2.4  yes    8         4
192.0.2.5  no     0         0

DEVICE  MODE     ANNOUNCES  CARRIER  NOTE
eth0    xdp      yes        yes      <none>
eth1    silence  no         no       no carrier

PACKETS       COUNT
arp_answered  7
)");
}

TEST(Status, SaysNoUnlessTheNewestConfigurationIsServed) {
  view::View refused = Served();
  refused.agent->generation = 13;
  refused.agent->refused = "listeners[0]: no address";
  const auto [text, code] = Status(refused);
  EXPECT_EQ(code, kProblems);
  EXPECT_TRUE(text.find("Generation:   13, serving 12\nRefused:      listeners[0]: no address\n") !=
              std::string::npos)
      << text;

  view::View alone = Served();
  alone.agent->proxy_connected = false;
  EXPECT_EQ(Status(alone).second, kProblems);
  view::View blind = Served();
  blind.agent->source = "the folder is gone";
  EXPECT_EQ(Status(blind).second, kProblems);
}

}  // namespace
}  // namespace sluice::gwctl
