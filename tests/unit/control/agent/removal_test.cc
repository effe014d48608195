#include "control/agent/removal.h"

#include <gtest/gtest.h>

namespace sluice::agent {
namespace {

TEST(Removal, OnlyAClearAnswerCounts) {
  const struct {
    kube::Response response;
    bool removed;
  } rows[] = {
      {{.code = 404, .body = R"({"kind": "Status"})"}, true},
      {{.code = 200, .body = R"({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})"},
       true},
      {{.code = 200, .body = R"({"metadata": {"name": "sluice"}})"}, false},
      {{.code = 200, .body = "no JSON"}, false},
      {{.code = 200, .body = "[]"}, false},
      {{.code = 401}, false},
      {{.code = 403}, false},
      {{.code = 500}, false},
      {{.transport = absl::UnavailableError("gone"), .code = 404}, false},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(IsRemoved(row.response), row.removed) << row.response.code << row.response.body;
  }
}

}  // namespace
}  // namespace sluice::agent
