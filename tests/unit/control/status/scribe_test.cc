#include "control/status/scribe.h"

#include <gtest/gtest.h>

#include <memory>

#include "fake_api.h"

namespace sluice::status {
namespace {

using Json = nlohmann::json;

constexpr char kGatewayPath[] = "/apis/gateway.networking.k8s.io/v1/namespaces/ns/gateways/gw";
constexpr char kPoolPath[] = "/apis/sluice.edgeprime.io/v1alpha1/addresspools/lan";
constexpr char kLeasePath[] = "/apis/coordination.k8s.io/v1/namespaces/sluice/leases/sluice-agent";

// Null: there is no such place.
Json At(const Json& json, const char* pointer) {
  const Json::json_pointer at(pointer);
  return json.contains(at) ? json.at(at) : Json();
}

// An agent without a data plane: what is compiled counts as applied.
class Node {
 public:
  Node(core::EventLoop& loop, FakeApi& api, const std::string& name)
      : source_(loop, api,
                {.node = name, .secret_namespaces = {"ns"}, .secrets = {{"sluice", kKeysSecret}}},
                [this](const source::SourceState&) { Compile(); }),
        scribe_(loop, api, source_,
                {.node = name, .namespace_ = "sluice", .identity = name, .patience = patience_},
                {.compile = [this] { Compile(); }}) {
    source_.Start();
  }

  Scribe& scribe() { return scribe_; }
  bool reports = true;

 private:
  void Compile() {
    if (!source_.synced()) return;
    if (!std::exchange(started_, true)) scribe_.Start();
    compile::CompileOptions options{.allocations = scribe_.given(), .allocate = scribe_.leads()};
    const compile::Compiled compiled = compile::Compile(*source_.state().objects, options);
    scribe_.Compiled(compiled);
    scribe_.Want(compiled.statuses, source_.versions());
    if (!reports) return;
    NodeReport report;
    report.eligible = true;
    report.versions = source_.versions();
    scribe_.Say(std::move(report));
  }

  static constexpr absl::Duration patience_ = absl::Seconds(2);
  bool started_ = false;
  kube::ClusterSource source_;
  Scribe scribe_;
};

class ScribeTest : public testing::Test {
 protected:
  ScribeTest() {
    api_.Put("/apis/gateway.networking.k8s.io/v1/gatewayclasses/sluice",
             {{"metadata", {{"name", "sluice"}, {"uid", "c"}, {"generation", 1}}},
              {"spec", {{"controllerName", compile::kControllerName}}}});
    api_.Put(kPoolPath, {{"metadata", {{"name", "lan"}, {"uid", "p"}, {"generation", 1}}},
                         {"spec", {{"ranges", Json::array({"10.0.0.10-10.0.0.20"})}}}});
    for (const char* node : {"n1", "n2"}) {
      api_.Put(absl::StrCat("/api/v1/nodes/", node), {{"metadata", {{"name", node}}}});
    }
    PutGateway("gw");
  }
  void PutGateway(const std::string& name, int generation = 1) {
    api_.Put(
        absl::StrCat("/apis/gateway.networking.k8s.io/v1/namespaces/ns/gateways/", name),
        {{"metadata",
          {{"name", name}, {"namespace", "ns"}, {"uid", name}, {"generation", generation}}},
         {"spec",
          {{"gatewayClassName", "sluice"},
           {"listeners", Json::array({{{"name", "web"}, {"port", 80}, {"protocol", "HTTP"}}})}}}});
  }
  // Answers and runs until nothing happens any more, or for `turns`.
  void Settle(int turns = 30) {
    for (int i = 0; i < turns; ++i) {
      api_.Answer();
      loop_.RunOnce(2);
    }
  }
  void Pass(uint64_t ms) {
    for (uint64_t at = 0; at < ms; at += 100) {
      loop_.timers().Advance(loop_.now_ms() + 100);
      api_.Answer();
    }
    Settle();
  }
  Json Status(const std::string& path) const {
    const Json object = api_.Get(path);
    return object.is_null() ? Json() : object.value("status", Json());
  }

  core::EventLoop loop_;
  FakeApi api_;
};

TEST_F(ScribeTest, TheLeaderWritesAllThatUsersRead) {
  Node node(loop_, api_, "n1");
  Settle();
  EXPECT_TRUE(node.scribe().leads());
  const Json gateway = Status(kGatewayPath);
  EXPECT_EQ(At(gateway, "/addresses"),
            Json::array({{{"type", "IPAddress"}, {"value", "10.0.0.10"}}}));
  ASSERT_EQ(At(gateway, "/conditions").size(), 2u);
  for (const Json& condition : gateway["conditions"]) EXPECT_EQ(condition["status"], "True");
  EXPECT_EQ(At(Status(kPoolPath), "/allocations"),
            Json::array({{{"address", "10.0.0.10"}, {"gateway", "ns/gw"}}}));
  EXPECT_EQ(
      Status("/apis/gateway.networking.k8s.io/v1/gatewayclasses/sluice")["conditions"][0]["status"],
      "True");
  EXPECT_FALSE(api_.Get("/api/v1/namespaces/ns/services/sluice-gw").is_null());
  EXPECT_FALSE(api_.Get("/api/v1/namespaces/sluice/secrets/sluice-keys").is_null());
  Pass(2000);  // reports are not written all the time
  EXPECT_EQ(At(Status("/apis/sluice.edgeprime.io/v1alpha1/nodereports/n1"), "/leader"), true);

  api_.TakeLog();
  Pass(1500);  // nothing more to say
  for (const std::string& request : api_.TakeLog()) {
    EXPECT_TRUE(request.find("/leases/") != request.npos ||
                request.find("nodereports") != request.npos)
        << request;
  }
}

TEST_F(ScribeTest, AnotherGoesOnWhereTheLeaderStopped) {
  auto first = std::make_unique<Node>(loop_, api_, "n1");
  Settle();
  Node second(loop_, api_, "n2");
  Settle();
  EXPECT_FALSE(second.scribe().leads());
  EXPECT_EQ(second.scribe().leader(), "n1");
  const Json before = Status(kGatewayPath);

  bool stopped = false;
  first->scribe().Stop([&] { stopped = true; });
  Settle();
  EXPECT_TRUE(stopped);
  EXPECT_EQ(At(api_.Get(kLeasePath), "/spec/holderIdentity"), "");
  first.reset();
  Pass(2500);
  EXPECT_TRUE(second.scribe().leads());
  EXPECT_EQ(Status(kGatewayPath), before);  // and nothing moved

  PutGateway("other");
  Pass(3000);
  EXPECT_EQ(At(Status(kPoolPath), "/allocations/1"),
            (Json{{"address", "10.0.0.11"}, {"gateway", "ns/other"}}));
}

TEST_F(ScribeTest, AStatusWaitsForTheOtherNodesButNotForEver) {
  Node first(loop_, api_, "n1");
  Settle();
  Node second(loop_, api_, "n2");
  Settle();
  Pass(300);
  second.reports = false;  // it has stopped
  PutGateway("late");
  const std::string path = "/apis/gateway.networking.k8s.io/v1/namespaces/ns/gateways/late";
  Settle();
  EXPECT_EQ(Status(path), Json());
  EXPECT_EQ(first.scribe().lagging(), std::vector<std::string>{"n2"});
  Pass(2200);
  EXPECT_EQ(At(Status(path), "/conditions").size(), 2u);
  EXPECT_EQ(first.scribe().lagging(), std::vector<std::string>{});

  PutGateway("next");  // it is not waited for again
  Settle();
  EXPECT_EQ(
      Status("/apis/gateway.networking.k8s.io/v1/namespaces/ns/gateways/next")["conditions"].size(),
      2u);
}

TEST_F(ScribeTest, AnAddressThatAFormerLeaderGaveAwayIsNotGivenTwice) {
  Node node(loop_, api_, "n1");
  Settle();
  // The pool is written by another while our Gateway gets an address of it.
  bool raced = false;
  api_.fault = [&](const kube::Request& request) -> std::optional<kube::Response> {
    if (raced || request.path != absl::StrCat(kPoolPath, "/status")) return std::nullopt;
    raced = true;
    PutGateway("theirs");
    api_.Change(kPoolPath, [](Json& pool) {
      pool["status"]["allocations"].push_back({{"address", "10.0.0.11"}, {"gateway", "ns/theirs"}});
    });
    return std::nullopt;
  };
  PutGateway("ours");
  Pass(3000);
  EXPECT_TRUE(raced);
  EXPECT_EQ(At(Status(kPoolPath), "/allocations"),
            Json::array({{{"address", "10.0.0.10"}, {"gateway", "ns/gw"}},
                         {{"address", "10.0.0.11"}, {"gateway", "ns/theirs"}},
                         {{"address", "10.0.0.12"}, {"gateway", "ns/ours"}}}));
}

}  // namespace
}  // namespace sluice::status
