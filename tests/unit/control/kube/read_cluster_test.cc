#include "control/kube/read_cluster.h"

#include <gtest/gtest.h>

#include "fake_api.h"

namespace sluice::kube {
namespace {

constexpr char kServices[] = "/api/v1/services";
constexpr char kPools[] = "/apis/sluice.edgeprime.io/v1alpha1/addresspools";
constexpr Resource kReports = {"sluice.edgeprime.io", "v1alpha1", "nodereports", "NodeReport",
                               false};
constexpr char kReportsPath[] = "/apis/sluice.edgeprime.io/v1alpha1/nodereports";

class ReadClusterTest : public ::testing::Test {
 protected:
  ReadClusterTest() {
    server_.Serve(kServices);
    server_.Serve(kPools);
    server_.Put(kServices, R"({"metadata":{"name":"s","namespace":"ns"}})");
    server_.Put(kPools, R"({"metadata":{"name":"lan"},"spec":{"ranges":["192.168.0.200"]},
                            "status":{"allocations":[]}})");
  }

  core::EventLoop loop_;
  FakeApi server_{loop_};
};

TEST_F(ReadClusterTest, ReadsObjectsStatusesAndWhatElseIsAskedFor) {
  server_.Serve(kReportsPath);
  server_.Put(kReportsPath, R"({"metadata":{"name":"n1"},"status":{"lag":3}})");
  const auto read = ReadCluster(loop_, server_, {.user_agent = "", .also = {kReports}});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_NE(read->objects->Find<gateway_api::Service>({"ns", "s"}), nullptr);
  EXPECT_EQ(read->known.at("AddressPool").at({"", "lan"}).status, R"({"allocations":[]})");
  ASSERT_EQ(read->also.at("NodeReport").size(), 1U);
  EXPECT_TRUE(absl::StrContains(read->also.at("NodeReport")[0], R"("lag":3)"));
  EXPECT_TRUE(read->problems.empty());
}

TEST_F(ReadClusterTest, ReportsWhatMayNotBeReadAndWhatIsNotThere) {
  server_.denied = {"/api/v1/secrets", kReportsPath};
  const auto read = ReadCluster(
      loop_, server_,
      {.user_agent = "",
       .also = {kReports, {"sluice.edgeprime.io", "v1alpha1", "others", "Other", false}}});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->objects->size(), 2U);
  std::vector<std::string> problems;
  for (const gateway_api::Problem& problem : read->problems) problems.push_back(problem.message);
  EXPECT_EQ(absl::StrJoin(problems, "; "),
            "cannot list secrets: HTTP 403; cannot list nodereports.sluice.edgeprime.io: HTTP 403");
  EXPECT_TRUE(read->also.at("Other").empty());
}

TEST_F(ReadClusterTest, SaysWhyItGivesUp) {
  server_.down = true;
  const absl::Time start = absl::Now();
  const auto read =
      ReadCluster(loop_, server_, {.patience = absl::Milliseconds(100), .user_agent = ""});
  EXPECT_EQ(read.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(absl::EndsWith(read.status().message(), ": down")) << read.status();
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
}

}  // namespace
}  // namespace sluice::kube
