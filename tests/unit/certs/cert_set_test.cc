#include "certs/cert_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <concepts>
#include <memory>
#include <sstream>

#include "make_certificate.h"

namespace sluice::certs {
namespace {

using sluice::testing::MakePair;
using sluice::testing::PemPair;
using ::testing::ElementsAre;

CertSet::CertificatePtr Make(std::string_view name) {
  const PemPair pair = MakePair();
  return std::make_shared<const Certificate>(*Certificate::Parse({name, pair.chain, pair.key}));
}

TEST(CertSetTest, NextKeepsTheSameObjectsAndDropsTheRest) {
  const CertSet::CertificatePtr a = Make("ns/a"), b = Make("ns/b"), c = Make("ns/c");
  const CertSet first({a, b});
  const std::string ids[] = {c->info().id, a->info().id};
  const auto second = CertSet::Next(first, {c}, ids);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_THAT((*second)->Ids(), ElementsAre(a->info().id, c->info().id));
  EXPECT_EQ((*second)->Find(a->info().id), a);
  EXPECT_EQ((*second)->Find(b->info().id), nullptr);
}

TEST(CertSetTest, NextNamesAMissingCertificate) {
  const std::string ids[] = {"ns/x@0123456789abcdef"};
  EXPECT_EQ(CertSet::Next(CertSet(), {}, ids).status(),
            absl::NotFoundError("no certificate ns/x@0123456789abcdef"));
}

template <typename T>
concept Printable = requires(std::ostream& stream, const T& value) { stream << value; };

static_assert(!Printable<PrivateKey> && !Printable<SecretBytes> && !Printable<Certificate>);
static_assert(!std::copyable<PrivateKey> && !std::copyable<SecretBytes> &&
              !std::copyable<Certificate>);

TEST(SecretBytesTest, MovesLeaveNothingBehind) {
  const uint8_t bytes[] = {1, 2, 3};
  SecretBytes a(bytes);
  SecretBytes b = std::move(a);
  EXPECT_TRUE(a.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_THAT(b.Reveal(), ElementsAre(1, 2, 3));
  b = SecretBytes();
  EXPECT_TRUE(b.empty());
}

}  // namespace
}  // namespace sluice::certs
