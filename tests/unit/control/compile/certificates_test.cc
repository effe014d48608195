#include "control/compile/certificates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "../../certs/make_certificate.h"
#include "absl/strings/str_cat.h"

namespace sluice::compile {
namespace {

using gateway_api::PrivateBytes;
using gateway_api::Secret;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Secret TlsSecret(const std::string& chain, const std::string& key) {
  Secret secret;
  secret.meta.name = "s";
  secret.meta.namespace_ = "n";
  secret.data[Secret::kTlsCertificate] = PrivateBytes(chain);
  secret.data[Secret::kTlsKey] = PrivateBytes(key);
  return secret;
}

TEST(CheckSecret, TellsIdAndValidityOfAPair) {
  testing::PemPair pair = testing::MakePair();
  CertificateView view = CheckSecret(TlsSecret(pair.chain, pair.key));
  EXPECT_EQ(view.problem, absl::OkStatus());
  EXPECT_THAT(view.id, StartsWith("n/s@"));
  EXPECT_EQ(view.not_before, absl::FromUnixSeconds(1'700'000'000));
  EXPECT_EQ(view.not_after, absl::FromUnixSeconds(4'000'000'000));
}

TEST(CheckSecret, RefusesWhatCannotBeServedAndNeverShowsTheKey) {
  testing::PemPair pair = testing::MakePair();
  testing::PemPair other = testing::MakePair();
  Secret no_key = TlsSecret(pair.chain, pair.key);
  no_key.data.erase(Secret::kTlsKey);
  for (const Secret& secret :
       {TlsSecret(pair.chain, other.key), TlsSecret("garbage", pair.key),
        TlsSecret(pair.chain, "garbage"), TlsSecret(pair.key, pair.key), no_key, Secret()}) {
    CertificateView view = CheckSecret(secret);
    EXPECT_FALSE(view.problem.ok());
    EXPECT_EQ(view.id, "");
    EXPECT_THAT(view.problem.message(), Not(HasSubstr(pair.key.substr(30, 20))));
  }
}

TEST(Certificates, LastGoodOneServesOnWhereTheSecretIsBad) {
  gateway_api::ObjectSet objects;
  Secret secret = TlsSecret("new and broken", "x");
  objects.Put(secret);
  gateway_api::Gateway gateway;
  gateway.meta.namespace_ = "n";
  gateway_api::Listener listener;
  listener.tls.emplace().certificate_refs.push_back({.name = "s"});
  CompileOptions options;
  int checks = 0;
  options.check_certificate = [&](const Secret&) -> CertificateView {
    ++checks;
    return {.id = "n/s@old", .problem = absl::InvalidArgumentError("broken")};
  };
  Grants grants(objects);
  Certificates certificates(objects, grants, options);
  for (int i = 0; i < 2; ++i) {
    ListenerPlan plan{.spec = &listener};
    certificates.Resolve({gateway_api::Gateway::kKind, gateway.meta}, plan);
    EXPECT_EQ(plan.certificate_ids, std::vector<std::string>{"n/s@old"});
    EXPECT_EQ(plan.resolved.reason, "InvalidCertificateRef");
    EXPECT_EQ(plan.resolved.message, "Secret n/s: broken");
  }
  EXPECT_EQ(checks, 1) << "a Secret is looked at once";
  EXPECT_EQ(certificates.SecretOf("n/s@old"), secret.meta.key());
}

TEST(Certificates, SecretIsNeverLookedAtBeforeItsGrant) {
  gateway_api::ObjectSet objects;
  objects.Put(TlsSecret("x", "y"));
  gateway_api::Gateway gateway;
  gateway.meta.namespace_ = "foreign";
  gateway_api::Listener listener;
  listener.tls.emplace().certificate_refs.push_back({.namespace_ = "n", .name = "s"});
  CompileOptions options;
  options.check_certificate = [](const Secret&) -> CertificateView {
    ADD_FAILURE() << "looked at";
    return {};
  };
  Grants grants(objects);
  Certificates certificates(objects, grants, options);
  ListenerPlan plan{.spec = &listener};
  certificates.Resolve({gateway_api::Gateway::kKind, gateway.meta}, plan);
  EXPECT_EQ(plan.resolved.reason, "RefNotPermitted");
}

}  // namespace
}  // namespace sluice::compile
