#include "control/publish/certificate_store.h"

#include <gtest/gtest.h>

#include "../../certs/make_certificate.h"

namespace sluice::publish {
namespace {

using gateway_api::PrivateBytes;
using gateway_api::Secret;

Secret SecretOf(const std::string& chain, const std::string& key) {
  Secret secret{.meta = {.name = "web", .namespace_ = "ns"}, .type = Secret::kTlsType};
  secret.data[Secret::kTlsCertificate] = PrivateBytes(chain);
  secret.data[Secret::kTlsKey] = PrivateBytes(key);
  return secret;
}

TEST(CertificateStore, AGoodSecretIsUsable) {
  CertificateStore store;
  const auto pair = testing::MakePair();
  const auto view = store.Check(SecretOf(pair.chain, pair.key));
  EXPECT_TRUE(view.problem.ok()) << view.problem;
  EXPECT_EQ(view.id.substr(0, 7), "ns/web@");
  EXPECT_EQ(view.not_after, absl::FromUnixSeconds(4'000'000'000));
  const CertificatePtr certificate = store.Find({view.id, {"ns", "web"}});
  ASSERT_NE(certificate, nullptr);
  EXPECT_EQ(certificate->info().id, view.id);
  EXPECT_EQ(store.Find({"ns/web@0000000000000000", {"ns", "web"}}), nullptr);
  EXPECT_EQ(store.Find({view.id, {"ns", "other"}}), nullptr);
}

TEST(CertificateStore, AnUnchangedSecretIsNotParsedAgain) {
  CertificateStore store;
  const auto pair = testing::MakePair();
  const Secret secret = SecretOf(pair.chain, pair.key);
  const compile::CertificateUse use{store.Check(secret).id, {"ns", "web"}};
  const CertificatePtr first = store.Find(use);
  store.Check(secret);
  EXPECT_EQ(store.Find(use), first);
}

TEST(CertificateStore, TheLastGoodCertificateKeepsServing) {
  const auto good = testing::MakePair(), other = testing::MakePair();
  const struct {
    const char* name;
    Secret secret;
  } rows[] = {{"garbage", SecretOf("garbage", "garbage")},
              {"wrong pair", SecretOf(good.chain, other.key)},
              {"no key", SecretOf(good.chain, "")},
              {"no chain", SecretOf("", good.key)},
              {"other type", [&] {
                 Secret secret = SecretOf(good.chain, good.key);
                 secret.type = "Opaque";
                 return secret;
               }()}};
  for (const auto& row : rows) {
    CertificateStore store;
    EXPECT_EQ(store.Check(row.secret).id, "") << row.name;
    const std::string id = store.Check(SecretOf(good.chain, good.key)).id;
    const auto view = store.Check(row.secret);
    EXPECT_FALSE(view.problem.ok()) << row.name;
    EXPECT_EQ(view.id, id) << row.name;
    const std::string replaced = store.Check(SecretOf(other.chain, other.key)).id;
    EXPECT_NE(replaced, id) << row.name;
    EXPECT_NE(store.Find({replaced, {"ns", "web"}}), nullptr) << row.name;
  }
}

TEST(CertificateStore, ForgetsWhatIsNotUsed) {
  CertificateStore store;
  const auto pair = testing::MakePair();
  const compile::CertificateUse use{store.Check(SecretOf(pair.chain, pair.key)).id, {"ns", "web"}};
  store.KeepOnly({use});
  EXPECT_NE(store.Find(use), nullptr);
  store.KeepOnly({});
  EXPECT_EQ(store.Find(use), nullptr);
}

}  // namespace
}  // namespace sluice::publish
