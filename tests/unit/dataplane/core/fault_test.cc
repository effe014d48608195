#include "dataplane/core/fault.h"

#include <gtest/gtest.h>

#include <set>

namespace sluice::core {
namespace {

TEST(FaultTest, TakesSideFromTheTable) {
  const Fault fault = MakeFault(FaultCode::kConnectFailure, Retry::kYes);
  EXPECT_EQ(fault, (Fault{FaultCode::kConnectFailure, Side::kUpstream, Retry::kYes}));
  EXPECT_EQ(MakeFault(FaultCode::kBadRequest).side, Side::kDownstream);
  EXPECT_EQ(MakeFault(FaultCode::kInternal).side, Side::kUs);
  EXPECT_TRUE(fault);
  EXPECT_FALSE(Fault{});
}

// Every code has a flag of its own, and a status that blames the right side.
TEST(FaultTest, HasAConsistentTable) {
  std::set<std::string_view> flags;
  for (int i = 1; i < kFaultCodes; ++i) {
    const auto code = static_cast<FaultCode>(i);
    const int status = HttpStatus(code);
    EXPECT_TRUE(flags.insert(FlagName(code)).second) << FlagName(code);
    EXPECT_TRUE(status == 0 || (status >= 400 && status <= 599)) << FlagName(code);
    if (MakeFault(code).side == Side::kDownstream) {
      EXPECT_LT(status, 500) << FlagName(code);
    } else {
      EXPECT_GE(status, 500) << FlagName(code);
    }
  }
}

}  // namespace
}  // namespace sluice::core
