#include "tools/gwctl/source.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "control/view/document.h"
#include "fake_agent.h"

namespace sluice::gwctl {
namespace {

class AgentSourceTest : public ::testing::Test {
 protected:
  AgentSourceTest() : path_(absl::StrCat(::testing::TempDir(), "gwctl-agent-", ::getpid())) {}
  ~AgentSourceTest() override { std::filesystem::remove(path_); }

  // With the socket's path as SOCKET.
  std::string Error(const std::string& path) {
    const absl::StatusOr<view::View> view = ViewOfAgent(path);
    return absl::StrReplaceAll(view.status().message(), {{path, "SOCKET"}});
  }

  std::string path_;
};

TEST_F(AgentSourceTest, AsksForTheView) {
  view::View served;
  served.agent = view::AgentState{.node = "n1", .generation = 3};
  std::string request;
  {
    testing::FakeAgent agent(path_, view::ToJson(served));
    const absl::StatusOr<view::View> view = ViewOfAgent(path_);
    ASSERT_TRUE(view.ok()) << view.status();
    EXPECT_EQ(view->agent, served.agent);
    request = agent.request;
  }
  EXPECT_EQ(request, "view\n");
}

TEST_F(AgentSourceTest, SaysWhatToDo) {
  EXPECT_EQ(Error(path_),
            "asking the agent at SOCKET: No such file or directory; is sluice-agent running? "
            "--socket names another socket, --manifests reads a folder instead");
  EXPECT_EQ(Error(std::string(200, 'x')),
            "asking the agent at SOCKET: the path is too long for a socket");
}

TEST_F(AgentSourceTest, TellsAnAnswerThatIsNoView) {
  {
    testing::FakeAgent agent(path_, "");
    EXPECT_EQ(Error(path_), "asking the agent at SOCKET: it hung up; it may be of another version");
  }
  std::filesystem::remove(path_);
  testing::FakeAgent agent(path_, R"({"kind":"View","version":9})");
  EXPECT_EQ(Error(path_),
            "asking the agent at SOCKET: its answer cannot be read: it is not of this version of "
            "gwctl");
}

}  // namespace
}  // namespace sluice::gwctl
