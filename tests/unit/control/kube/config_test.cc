#include "control/kube/config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace sluice::kube {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kKubeconfig = R"(
apiVersion: v1
kind: Config
current-context: home
contexts:
- {name: home, context: {cluster: c, user: token, namespace: infra}}
- {name: files, context: {cluster: files, user: files}}
- {name: anonymous, context: {cluster: c}}
- {name: insecure, context: {cluster: insecure, user: token}}
- {name: plain, context: {cluster: plain, user: token}}
- {name: exec, context: {cluster: c, user: exec}}
- {name: basic, context: {cluster: c, user: basic}}
- {name: as, context: {cluster: c, user: as}}
- {name: half, context: {cluster: c, user: half}}
- {name: nocluster, context: {cluster: x, user: token}}
- {name: nouser, context: {cluster: c, user: x}}
- {name: bad64, context: {cluster: bad64, user: token}}
- {name: noserver, context: {cluster: noserver, user: token}}
- {name: ftp, context: {cluster: ftp, user: token}}
clusters:
- name: c
  cluster:
    server: https://10.0.0.1:6443/
    certificate-authority-data: Q0E=
    tls-server-name: kubernetes
    proxy-url: http://proxy:3128
- {name: files, cluster: {server: "https://[fd00::1]", certificate-authority: pki/ca.crt}}
- {name: insecure, cluster: {server: "https://h", insecure-skip-tls-verify: true}}
- {name: plain, cluster: {server: "http://h"}}
- {name: bad64, cluster: {server: "https://h", certificate-authority-data: "%"}}
- {name: noserver, cluster: {certificate-authority-data: Q0E=}}
- {name: ftp, cluster: {server: "ftp://h", certificate-authority-data: Q0E=}}
users:
- {name: token, user: {token: secret, exec: null}}
- name: files
  user: {client-certificate: me.crt, client-key-data: S0VZ, token: no, tokenFile: /abs/token}
- {name: exec, user: {exec: {command: aws}}}
- {name: basic, user: {username: u, password: p}}
- {name: as, user: {token: t, as: admin}}
- {name: half, user: {client-certificate-data: Q0E=}}
)";

class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest() {
    std::string name = "/tmp/sluice_configXXXXXX";
    folder_ = ::mkdtemp(name.data());
    Write("config", kKubeconfig);
  }
  ~ConfigTest() override { fs::remove_all(folder_); }

  std::string Write(const std::string& name, std::string_view text) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  }
  std::string Path(const std::string& name) const { return (folder_ / name).string(); }

  absl::StatusOr<Config> Load(const std::string& context, bool allow_insecure = false) {
    return LoadConfig({.kubeconfig = Path("config"),
                       .context = context,
                       .server = "",
                       .allow_insecure = allow_insecure},
                      Surroundings{});
  }

  // All of it as one text; of the folder "DIR".
  std::string Show(const absl::StatusOr<Config>& config) const {
    if (!config.ok()) return Short(std::string(config.status().message()));
    auto material = [](const Material& one) {
      return one.file().empty() ? absl::StrCat("'", one.Reveal(), "'") : one.file();
    };
    return Short(absl::StrCat(
        config->server, " name=", config->tls_server_name, " proxy=", config->proxy,
        " ca=", material(config->ca), config->verify_server ? "" : " INSECURE",
        " token=", material(config->token), " crt=", material(config->client_certificate),
        " key=", material(config->client_key), " ns=", config->default_namespace));
  }
  std::string Short(std::string text) const {
    for (size_t at; (at = text.find(folder_.string())) != text.npos;) {
      text.replace(at, folder_.string().size(), "DIR");
    }
    return text;
  }

  fs::path folder_;
};

TEST_F(ConfigTest, ReadsContexts) {
  struct Case {
    std::string context, expected;
  };
  for (const Case& row : {
           Case{"",
                "https://10.0.0.1:6443 name=kubernetes proxy=http://proxy:3128 ca='CA' "
                "token='secret' crt='' key='' ns=infra"},
           Case{"files",
                "https://[fd00::1] name= proxy= ca=DIR/pki/ca.crt token=/abs/token "
                "crt=DIR/me.crt key='KEY' ns=default"},
           Case{"anonymous",
                "https://10.0.0.1:6443 name=kubernetes proxy=http://proxy:3128 "
                "ca='CA' token='' crt='' key='' ns=default"},
       }) {
    EXPECT_EQ(Show(Load(row.context)), row.expected) << row.context;
  }
}

TEST_F(ConfigTest, SaysWhatIsWrong) {
  struct Case {
    std::string context, expected;
  };
  for (const Case& row : {
           Case{"insecure",
                "context 'insecure': insecure-skip-tls-verify is true: anybody on the "
                "way could read the token; give certificate-authority-data"},
           Case{"plain",
                "context 'plain': server is http://: anybody on the way could read the "
                "token; give certificate-authority-data"},
           Case{"exec",
                "user 'exec' gets its credentials from a plugin, which is not run; use a "
                "token (kubectl create token) or a client certificate"},
           Case{"basic",
                "user 'basic' has a username and a password, which no API server takes "
                "any more"},
           Case{"as", "user 'as': as: nobody is impersonated"},
           Case{"half", "user 'half': client-certificate and client-key belong together"},
           Case{"nocluster", "context 'nocluster': no cluster 'x'"},
           Case{"nouser", "context 'nouser': no user 'x'"},
           Case{"bad64", "bad64: certificate-authority-data is no base64"},
           Case{"noserver", "context 'noserver': no server is given"},
           Case{"ftp", "context 'ftp': server: ftp://h is no https:// address"},
       }) {
    EXPECT_EQ(Show(Load(row.context)), row.expected);
  }
  EXPECT_TRUE(absl::StartsWith(Show(Load("nope")), "no context 'nope'; there are home, files, "));
}

TEST_F(ConfigTest, ObeysInsecureIfToldSo) {
  EXPECT_EQ(Show(Load("insecure", true)),
            "https://h name= proxy= ca='' INSECURE token='secret' crt='' key='' ns=default");
  EXPECT_EQ(Show(Load("plain", true)),
            "http://h name= proxy= ca='' token='secret' crt='' key='' ns=default");
}

TEST_F(ConfigTest, MergesFilesAndTheFirstCounts) {
  Write("one",
        "kind: Config\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'https://one', "
        "certificate-authority-data: Q0E=}}]\n");
  Write("two",
        "kind: Config\ncurrent-context: a\n"
        "contexts: [{name: a, context: {cluster: x}}, {name: b, context: {cluster: c}}]\n"
        "users: [{name: u, user: {token: two}}]\n"
        "clusters: [{name: c, cluster: {server: 'https://two'}}]\n");
  const Surroundings both = {
      .kubeconfig_variable = absl::StrCat(Path("one"), ":", Path("missing"), ":", Path("two")),
      .home = "",
      .service_host = "",
      .service_port = ""};
  EXPECT_EQ(Show(LoadConfig({}, both)),
            "https://one name= proxy= ca='CA' token='two' crt='' key='' ns=default");
  const absl::StatusOr<Contexts> contexts = KubeconfigContexts({}, both);
  ASSERT_TRUE(contexts.ok());
  EXPECT_EQ(contexts->current, "a");
  EXPECT_EQ(absl::StrJoin(contexts->names, " "), "a b");
}

TEST_F(ConfigTest, ReadsHomeUnlessThePodHasAnAccount) {
  Write(".kube/config", kKubeconfig);
  Write("account/token", "pod-token\n");
  Write("account/ca.crt", "CA");
  Write("account/namespace", "sluice-system\n");
  Surroundings here = {.kubeconfig_variable = "",
                       .home = folder_.string(),
                       .service_host = "",
                       .service_port = "",
                       .account = Path("account")};
  EXPECT_TRUE(absl::StartsWith(Show(LoadConfig({}, here)), "https://10.0.0.1:6443 "));
  here.service_host = "fd00::1";
  here.service_port = "443";
  EXPECT_EQ(Show(LoadConfig({}, here)),
            "https://[fd00::1]:443 name= proxy= ca=DIR/account/ca.crt token=DIR/account/token "
            "crt='' key='' ns=sluice-system");
  // Talos' KubePrism.
  EXPECT_TRUE(absl::StartsWith(
      Show(LoadConfig({.kubeconfig = "", .context = "", .server = "https://localhost:7445"}, here)),
      "https://localhost:7445 "));
  here.account = Path("none");
  EXPECT_EQ(Show(LoadConfig({}, here)), "reading DIR/none/token: No such file or directory");
}

TEST_F(ConfigTest, RefusesWhatIsNoKubeconfig) {
  struct Case {
    std::string text, expected;
  };
  for (const Case& row : {
           Case{"kind: Pod", "DIR/bad is no kubeconfig"},
           Case{"[1]", "DIR/bad is no kubeconfig"},
           Case{"kind: Config\n- a", "DIR/bad:2:1: "},
           Case{"", "no context is chosen (current-context); there is none"},
       }) {
    Write("bad", row.text);
    EXPECT_EQ(Show(LoadConfig({.kubeconfig = Path("bad"), .context = "", .server = ""}, {}))
                  .substr(0, row.expected.size()),
              row.expected);
  }
  EXPECT_EQ(Show(LoadConfig({.kubeconfig = Path("gone"), .context = "", .server = ""}, {})),
            "reading DIR/gone: No such file or directory");
}

TEST_F(ConfigTest, ReadsARotatedTokenAgain) {
  Material token = Material::OfFile(Write("token", "one"));
  ASSERT_TRUE(token.Refresh(1'000).ok());
  EXPECT_EQ(token.Reveal(), "one");
  Write("token", "two");
  ASSERT_TRUE(token.Refresh(1'100).ok());
  EXPECT_EQ(token.Reveal(), "one");  // not that often
  token.Expire();                    // it was refused
  ASSERT_TRUE(token.Refresh(1'200).ok());
  EXPECT_EQ(token.Reveal(), "two");
  Write("token", "three");
  ASSERT_TRUE(token.Refresh(6'300).ok());
  EXPECT_EQ(token.Reveal(), "three");
  Write("token", "");
  EXPECT_EQ(token.Refresh(20'000).message(), Path("token") + " is empty");
  fs::remove(folder_ / "token");
  EXPECT_FALSE(token.Refresh(30'000).ok());
  EXPECT_EQ(token.Reveal(), "three");
}

}  // namespace
}  // namespace sluice::kube
