#include "dataplane/process/capabilities.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::process {
namespace {

TEST(Capabilities, NamesAreThoseOfTheManual) {
  EXPECT_EQ(NameOf(0), "CAP_CHOWN");
  EXPECT_EQ(NameOf(static_cast<int>(Capability::kKill)), "CAP_KILL");
  EXPECT_EQ(NameOf(static_cast<int>(Capability::kSetGid)), "CAP_SETGID");
  EXPECT_EQ(NameOf(static_cast<int>(Capability::kSetUid)), "CAP_SETUID");
  EXPECT_EQ(NameOf(static_cast<int>(Capability::kSetPcap)), "CAP_SETPCAP");
  EXPECT_EQ(NameOf(static_cast<int>(Capability::kNetAdmin)), "CAP_NET_ADMIN");
  EXPECT_EQ(NameOf(static_cast<int>(Capability::kSysAdmin)), "CAP_SYS_ADMIN");
  EXPECT_EQ(NameOf(static_cast<int>(Capability::kPerfmon)), "CAP_PERFMON");
  EXPECT_EQ(NameOf(static_cast<int>(Capability::kBpf)), "CAP_BPF");
  EXPECT_EQ(NameOf(63), "CAP_63");
}

TEST(Capabilities, DescribesMasks) {
  EXPECT_EQ(Describe(0), "none");
  EXPECT_EQ(Describe(MaskOf({Capability::kBpf, Capability::kNetAdmin})), "CAP_NET_ADMIN, CAP_BPF");
}

TEST(Capabilities, ParsesTheKernelsStatus) {
  const auto privileges = ParsePrivileges(
      "Name:\tsluice-proxy\nUmask:\t0022\nUid:\t7\t65532\t8\t9\nGid:\t1\t65533\t3\t4\n"
      "CapInh:\t0000000000000001\nCapPrm:\t000000c000001000\nCapEff:\t000000c000000000\n"
      "CapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000002\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_"
      "filters:\t1\n");
  ASSERT_TRUE(privileges.ok()) << privileges.status();
  EXPECT_EQ(*privileges, (Privileges{.uid = 65532,
                                     .gid = 65533,
                                     .inheritable = 1,
                                     .permitted = 0xc000001000,
                                     .effective = 0xc000000000,
                                     .bounding = 0x1ffffffffff,
                                     .ambient = 2,
                                     .no_new_privileges = true,
                                     .seccomp_mode = 2}));
}

TEST(Capabilities, RefusesOtherText) {
  EXPECT_FALSE(ParsePrivileges("").ok());
  EXPECT_FALSE(ParsePrivileges("Uid:\t0\t0\t0\t0\n").ok());
  EXPECT_FALSE(ParsePrivileges("CapEff:\tzz\n").ok());
}

TEST(Capabilities, TheKernelAgreesWithItself) {
  const auto current = CurrentCapabilities();
  const auto reported = ReadPrivileges("self");
  ASSERT_TRUE(current.ok() && reported.ok());
  EXPECT_EQ(current->permitted, reported->permitted);
  EXPECT_EQ(current->effective, reported->effective);
}

TEST(Capabilities, AMissingProcessIsAnError) { EXPECT_FALSE(ReadPrivileges("4194999").ok()); }

}  // namespace
}  // namespace sluice::process
