#include "certs/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "certs/names.h"
#include "make_certificate.h"

namespace sluice::certs {
namespace {

using sluice::testing::CertificateSpec;
using sluice::testing::MakePair;
using sluice::testing::PemPair;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<Certificate> Parse(const PemPair& pair) {
  return Certificate::Parse({"team/site", pair.chain, pair.key});
}

std::string ErrorOf(const PemPair& pair) {
  const absl::StatusOr<Certificate> certificate = Parse(pair);
  return certificate.ok() ? "" : std::string(certificate.status().message());
}

TEST(CertificateTest, DescribesItsPublicPart) {
  const PemPair pair =
      MakePair({.names = {"A.example.com", "*.example.com", "IP:192.0.2.1", "IP:2001:db8::1"}});
  absl::StatusOr<Certificate> certificate = Parse(pair);
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  const CertificateInfo& info = certificate->info();
  EXPECT_THAT(info.id, ::testing::MatchesRegex("team/site@[0-9a-f]{16}"));
  EXPECT_EQ(info.name, "team/site");
  EXPECT_THAT(info.dns_names, ElementsAre("a.example.com", "*.example.com"));
  EXPECT_THAT(info.ip_addresses, ElementsAre("192.0.2.1", "2001:db8::1"));
  EXPECT_EQ(info.subject, "CN=Test");
  EXPECT_EQ(info.issuer, "CN=Test");
  EXPECT_EQ(info.not_before, absl::FromUnixSeconds(1'700'000'000));
  EXPECT_EQ(info.not_after, absl::FromUnixSeconds(4'000'000'000));
  EXPECT_EQ(info.key_type, KeyType::kEcP256);
  EXPECT_EQ(info.key_bits, 256);
  EXPECT_EQ(info.chain_der.size(), 1u);
  EXPECT_EQ(certificate->ChainPem(), pair.chain);
  EXPECT_EQ(certificate->key().EncodePem().RevealText(), pair.key);
}

TEST(CertificateTest, AcceptsEveryKeyTypeThatIsServed) {
  const struct {
    CertificateSpec spec;
    KeyType type;
    int bits;
  } rows[] = {{{}, KeyType::kEcP256, 256},
              {{.curve = NID_secp384r1}, KeyType::kEcP384, 384},
              {{.rsa_bits = 2048}, KeyType::kRsa, 2048},
              {{.ed25519 = true}, KeyType::kEd25519, 253}};
  for (const auto& row : rows) {
    SCOPED_TRACE(KeyTypeName(row.type));
    absl::StatusOr<Certificate> certificate = Parse(MakePair(row.spec));
    ASSERT_TRUE(certificate.ok()) << certificate.status();
    EXPECT_EQ(certificate->info().key_type, row.type);
    EXPECT_EQ(certificate->key().type(), row.type);
    EXPECT_EQ(certificate->info().key_bits, row.bits);
  }
}

// The same key in each of the forms that tools write.
std::string AsSec1(const std::string& pkcs8, bool with_parameters) {
  bssl::UniquePtr<BIO> in(BIO_new_mem_buf(pkcs8.data(), static_cast<ossl_ssize_t>(pkcs8.size())));
  bssl::UniquePtr<EVP_PKEY> key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
  bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  EXPECT_TRUE(PEM_write_bio_ECPrivateKey(out.get(), EVP_PKEY_get0_EC_KEY(key.get()), nullptr,
                                         nullptr, 0, nullptr, nullptr));
  const std::string parameters =
      "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
  return (with_parameters ? parameters : "") + testing::BioText(out.get());
}

std::string AsPkcs1(const std::string& pkcs8) {
  bssl::UniquePtr<BIO> in(BIO_new_mem_buf(pkcs8.data(), static_cast<ossl_ssize_t>(pkcs8.size())));
  bssl::UniquePtr<EVP_PKEY> key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
  bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  EXPECT_TRUE(PEM_write_bio_RSAPrivateKey(out.get(), EVP_PKEY_get0_RSA(key.get()), nullptr, nullptr,
                                          0, nullptr, nullptr));
  return testing::BioText(out.get());
}

std::string Encrypted(const std::string& pkcs8) {
  bssl::UniquePtr<BIO> in(BIO_new_mem_buf(pkcs8.data(), static_cast<ossl_ssize_t>(pkcs8.size())));
  bssl::UniquePtr<EVP_PKEY> key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
  bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  EXPECT_TRUE(PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), EVP_aes_256_cbc(), "pass", 4,
                                            nullptr, nullptr));
  return testing::BioText(out.get());
}

TEST(CertificateTest, ReadsEachKeyEncoding) {
  const PemPair ec = MakePair(), rsa = MakePair({.rsa_bits = 2048});
  EXPECT_EQ(ErrorOf({ec.chain, AsSec1(ec.key, false)}), "");
  EXPECT_EQ(ErrorOf({ec.chain, AsSec1(ec.key, true)}), "");
  EXPECT_EQ(ErrorOf({rsa.chain, AsPkcs1(rsa.key)}), "");
  EXPECT_EQ(ErrorOf({ec.chain, ec.chain + ec.key}), "") << "a file with chain and key together";
}

// It matches no name, but a listener serves its first certificate to names that none matches.
TEST(CertificateTest, AcceptsOneWithoutNames) {
  absl::StatusOr<Certificate> certificate = Parse(MakePair({.names = {}}));
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  EXPECT_THAT(certificate->info().dns_names, ::testing::IsEmpty());
  EXPECT_THAT(certificate->info().ip_addresses, ::testing::IsEmpty());
}

std::string Repeated(const std::string& text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos);
  return text.replace(at, from.size(), to);
}

TEST(CertificateTest, SaysInOnePhraseWhatIsWrong) {
  const PemPair good = MakePair(), other = MakePair();
  const std::string traditional =
      "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: "
      "AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
  const std::string no_key = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  const struct {
    const char* name;
    PemPair pair;
    const char* error;
  } rows[] = {
      {"empty chain", {"", good.key}, "the certificate is empty"},
      {"empty key", {good.chain, ""}, "the private key is empty"},
      {"text", {"hello", good.key}, "there is no PEM certificate"},
      {"key as chain", {good.key, good.key}, "there is no PEM certificate"},
      {"chain as key", {good.chain, good.chain}, "there is no PEM private key"},
      {"not X.509", {no_key, good.key}, "certificate 1 of the chain is damaged"},
      {"second damaged", {good.chain + no_key, good.key}, "certificate 2 of the chain is damaged"},
      {"bad base64",
       {"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", good.key},
       "the certificate cannot be read: a PEM block is damaged (its end line or base64 is wrong)"},
      {"cut chain",
       {good.chain.substr(0, 200), good.key},
       "the certificate cannot be read: a PEM block is damaged (its end line or base64 is wrong)"},
      {"cut key",
       {good.chain, good.key.substr(0, 80)},
       "the private key cannot be read: a PEM block is damaged (its end line or base64 is wrong)"},
      {"key of zeros",
       {good.chain, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"},
       "the private key is damaged"},
      {"wrong label",
       {good.chain, Replaced(Replaced(good.key, "BEGIN PRIVATE", "BEGIN RSA PRIVATE"),
                             "END PRIVATE", "END RSA PRIVATE")},
       "the private key is damaged"},
      {"DSA",
       {good.chain, "-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n"},
       "the private key is damaged"},
      {"wrong pair",
       {good.chain, other.key},
       "the private key does not belong to the first certificate"},
      {"leaf last",
       {other.chain + good.chain, good.key},
       "the private key does not belong to the first certificate"},
      {"encrypted PKCS#8",
       {good.chain, Encrypted(good.key)},
       "the private key is encrypted, store it unencrypted"},
      {"encrypted PKCS#1",
       {good.chain, traditional},
       "the private key is encrypted, store it unencrypted"},
      {"weak RSA", MakePair({.rsa_bits = 1024}),
       "the RSA key has 1024 bits, 2048 to 8192 are accepted"},
      {"P-521", MakePair({.curve = NID_secp521r1}),
       "the EC key is on a curve other than P-256 and P-384"},
      {"long chain",
       {Repeated(good.chain, 11), good.key},
       "the chain has 11 certificates, at most 10 are accepted"},
      {"huge chain",
       {good.chain + std::string(1 << 20, '\n'), good.key},
       "the certificate chain has 10"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_THAT(ErrorOf(row.pair), ::testing::StartsWith(row.error));
    EXPECT_NE(ErrorOf(row.pair), "");
  }
}

TEST(CertificateTest, ErrorsHoldNoKeyMaterial) {
  const PemPair good = MakePair();
  const std::string body = good.key.substr(good.key.find('\n') + 1, 40);
  EXPECT_THAT(ErrorOf({good.chain, good.key.substr(0, 120)}),
              ::testing::Not(HasSubstr(body.substr(0, 8))));
}

TEST(CertificateTest, KeepsTheChainInOrder) {
  const PemPair leaf = MakePair(), issuer = MakePair({.names = {"issuer.test"}});
  absl::StatusOr<Certificate> certificate =
      Parse({leaf.chain + "text between\n" + issuer.chain, leaf.key});
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  EXPECT_EQ(certificate->ChainPem(), leaf.chain + issuer.chain);
  EXPECT_THAT(certificate->info().dns_names, ElementsAre("a.example.com"));
}

TEST(CertificateTest, IdFollowsTheContent) {
  const PemPair pair = MakePair(), other = MakePair();
  EXPECT_EQ(Parse(pair)->info().id, Parse(pair)->info().id);
  EXPECT_NE(Parse(pair)->info().id, Parse(other)->info().id);
  EXPECT_NE(Parse(pair)->info().id, Parse({pair.chain + other.chain, pair.key})->info().id);
}

TEST(CertificateTest, ValidityIsCheckedAgainstTheGivenTime) {
  const absl::StatusOr<Certificate> certificate =
      Parse(MakePair({.not_before = 1'000, .not_after = 2'000}));
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  const auto at = [&](int64_t seconds) {
    return std::string(CheckValidAt(certificate->info(), absl::FromUnixSeconds(seconds)).message());
  };
  EXPECT_EQ(at(999), "the certificate is not valid before 1970-01-01T00:16:40Z");
  EXPECT_EQ(at(1'000), "");
  EXPECT_EQ(at(2'000), "");
  EXPECT_EQ(at(2'001), "the certificate expired at 1970-01-01T00:33:20Z");
}

TEST(CertificateTest, IgnoresNamesThatNoHostCanHave) {
  absl::StatusOr<Certificate> certificate = Parse(
      MakePair({.names = {"good.example.com", std::string("evil\0.example.com", 17), "a b"}}));
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  EXPECT_THAT(certificate->info().dns_names, ElementsAre("good.example.com"));
}

TEST(NamesTest, WildcardSpansExactlyOneLabel) {
  const struct {
    const char* pattern;
    const char* host;
    NameMatch match;
  } rows[] = {
      {"a.example.com", "a.example.com", NameMatch::kExact},
      {"*.example.com", "a.example.com", NameMatch::kWildcard},
      {"*.example.com", "a.b.example.com", NameMatch::kNone},
      {"*.example.com", "example.com", NameMatch::kNone},
      {"*.example.com", ".example.com", NameMatch::kNone},
      {"*.example.com", "*.example.com", NameMatch::kNone},
      {"*.com", "example.com", NameMatch::kWildcard},
      {"a*.example.com", "ab.example.com", NameMatch::kNone},
      {"*", "a", NameMatch::kNone},
      {"*", "a.example.com", NameMatch::kNone},
      {"", "", NameMatch::kNone},
      {"*.", "a.", NameMatch::kWildcard},  // no host has a trailing dot here
      {"example.com", "xexample.com", NameMatch::kNone},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(MatchName(row.pattern, row.host), row.match) << row.pattern << " " << row.host;
  }
  const std::string names[] = {"*.example.com", "a.example.com"};
  EXPECT_EQ(MatchNames(names, "a.example.com"), NameMatch::kExact);
  EXPECT_EQ(MatchNames(names, "b.example.com"), NameMatch::kWildcard);
  EXPECT_EQ(MatchNames(names, "example.com"), NameMatch::kNone);
}

}  // namespace
}  // namespace sluice::certs
