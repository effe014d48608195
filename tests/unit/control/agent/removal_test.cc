#include "control/agent/removal.h"

#include <gtest/gtest.h>

namespace sluice::agent {
namespace {

TEST(Removal, OfEachAnswer) {
  const struct {
    kube::Response response;
    Removal removal;
  } rows[] = {
      {{.code = 404, .body = R"({"kind": "Status"})"}, Removal::kYes},
      {{.code = 200, .body = R"({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})"},
       Removal::kYes},
      {{.code = 200, .body = R"({"metadata": {"name": "sluice"}})"}, Removal::kNo},
      {{.code = 200, .body = "no JSON"}, Removal::kUnknown},
      {{.code = 200, .body = "[]"}, Removal::kUnknown},
      {{.code = 401}, Removal::kRefused},
      {{.code = 403}, Removal::kRefused},
      {{.code = 500}, Removal::kUnknown},
      {{.transport = absl::UnavailableError("gone"), .code = 404}, Removal::kUnknown},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(RemovalOf(row.response), row.removal) << row.response.code << row.response.body;
  }
}

}  // namespace
}  // namespace sluice::agent
