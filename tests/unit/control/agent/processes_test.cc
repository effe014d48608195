// The real sluice-agent and sluice-proxy without the packet path, in a network namespace whose
// loopback device has the VIP: what they serve, and what happens when files change or one dies.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dataplane/core/address.h"
#include "dataplane/core/fd.h"
#include "dataplane/process/capabilities.h"

namespace sluice::agent {
namespace {

namespace fs = std::filesystem;

core::Fd ListenAnywhere(core::Address& address) {
  core::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto any = *core::Address::Parse("127.0.0.1", 0);
  EXPECT_EQ(::bind(fd.get(), any.get(), any.size()), 0);
  EXPECT_EQ(::listen(fd.get(), 128), 0);
  address = *core::Address::OfLocal(fd.get());
  return fd;
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// Answers every request with its name.
class Backend {
 public:
  explicit Backend(std::string name)
      : name_(std::move(name)), listening_(ListenAnywhere(address_)) {
    thread_ = std::thread([this] {
      while (true) {
        const core::Fd client(::accept(listening_.get(), nullptr, nullptr));
        if (stop_ || !client.valid()) return;
        Serve(client.get());
      }
    });
  }
  ~Backend() {
    stop_ = true;
    ::shutdown(listening_.get(), SHUT_RDWR);
    thread_.join();
  }
  uint16_t port() const { return address_.port(); }

 private:
  void Serve(int client) const {
    std::string request;
    char chunk[4096];
    while (request.find("\r\n\r\n") == std::string::npos) {
      const ssize_t n = ::recv(client, chunk, sizeof chunk, 0);
      if (n <= 0) return;
      request.append(chunk, static_cast<size_t>(n));
    }
    const std::string answer =
        absl::StrCat("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ", name_.size(),
                     "\r\n\r\n", name_);
    (void)::send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
  }

  std::string name_;
  core::Address address_;
  core::Fd listening_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

class ProcessesTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    in_namespace_ = ::unshare(CLONE_NEWNET) == 0 &&
                    std::system("ip link set lo up && ip address add 192.0.2.1/32 dev lo") == 0;
  }
  void SetUp() override {
    if (!in_namespace_) GTEST_SKIP() << "needs root, for a network namespace";
    one_.emplace("one");
    two_.emplace("two");
    core::Address free;
    ListenAnywhere(free);
    port_ = free.port();
    WriteGateway("192.0.2.0/30", "192.0.2.1");
    WriteRoute(*one_);
  }

  ProcessesTest() {
    std::string name = "/tmp/sluice_procsXXXXXX";
    folder_ = ::mkdtemp(name.data());
    fs::create_directory(folder_ + "/manifests");
  }
  ~ProcessesTest() override {
    for (pid_t pid : {agent_, proxy_}) End(pid, SIGKILL);
    if (HasFailure()) std::fputs(Log().c_str(), stderr);
    fs::remove_all(folder_);
  }

  void Write(const std::string& file, const std::string& text) const {
    const std::string next = absl::StrCat(folder_, "/manifests/.next");
    std::ofstream(next) << text;
    fs::rename(next, absl::StrCat(folder_, "/manifests/", file));
  }
  void WriteGateway(const std::string& pool, const std::string& vip) const {
    Write("gateway.yaml",
          absl::StrCat(
              "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: "
              "sluice}\n"
              "spec: {controllerName: sluice.edgeprime.io/gateway-controller}\n---\n"
              "apiVersion: sluice.edgeprime.io/v1alpha1\nkind: AddressPool\nmetadata: {name: p}\n"
              "spec: {ranges: [\"",
              pool,
              "\"]}\n---\n"
              "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: gw, "
              "namespace: ns}\n"
              "spec:\n  gatewayClassName: sluice\n  addresses: [{type: IPAddress, value: ",
              vip, "}]\n  listeners: [{name: http, port: ", port_, ", protocol: HTTP}]\n"));
  }
  void WriteRoute(const Backend& backend) const {
    Write(
        "route.yaml",
        absl::StrCat(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r, "
            "namespace: ns}\n"
            "spec: {parentRefs: [{name: gw}], rules: [{backendRefs: [{name: s, port: 80}]}]}\n---\n"
            "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: ns}\n"
            "spec: {ports: [{port: 80, targetPort: ",
            backend.port(),
            "}]}\n---\n"
            "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
            "metadata: {name: s-1, namespace: ns, labels: {kubernetes.io/service-name: s}}\n"
            "addressType: IPv4\nports: [{port: ",
            backend.port(),
            ", protocol: TCP}]\n"
            "endpoints: [{addresses: [127.0.0.1], conditions: {ready: true}}]\n"));
  }

  pid_t Start(std::vector<std::string> argv) const {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    const int log = ::open((folder_ + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    std::vector<char*> pointers;
    for (std::string& argument : argv) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    ::execv(pointers[0], pointers.data());
    ::_exit(98);
  }
  std::vector<std::string> AgentArgv() const {
    return {SLUICE_AGENT,  "--no-packet-path",
            "--manifests", folder_ + "/manifests",
            "--run-dir",   folder_ + "/run",
            "--state-dir", folder_ + "/state",
            "--metrics",   "off"};
  }
  void StartAgent() { agent_ = Start(AgentArgv()); }
  void StartProxy() {
    std::vector<std::string> argv = {
        SLUICE_PROXY, "--agent-socket", folder_ + "/run/proxy.sock", "--workers", "2", "--metrics",
        "off"};
    if (!SLUICE_SANDBOX) argv.insert(argv.end(), {"--sandbox", "off"});
    proxy_ = Start(argv);
  }
  static int End(pid_t& pid, int signal) {
    if (pid <= 0) return 0;
    ::kill(pid, signal);
    int status = 0;
    ::waitpid(pid, &status, 0);
    pid = 0;
    return status;
  }

  // The body that the VIP gives; "" without an answer.
  std::string Get() const {
    const core::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{.tv_sec = 5, .tv_usec = 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const auto vip = *core::Address::Parse("192.0.2.1", port_);
    if (::connect(fd.get(), vip.get(), vip.size()) != 0) return "";
    const std::string request = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
    (void)::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
    std::string answer;
    char chunk[4096];
    for (ssize_t n; (n = ::recv(fd.get(), chunk, sizeof chunk, 0)) > 0;)
      answer.append(chunk, static_cast<size_t>(n));
    const size_t body = answer.find("\r\n\r\n");
    return body == std::string::npos ? "" : answer.substr(body + 4);
  }

  static bool Await(const std::function<bool()>& condition) {
    for (int i = 0; i < 2000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  bool AwaitAnswer(const std::string& body) const {
    return Await([&] { return Get() == body; });
  }
  std::string Log() const { return ReadFile(folder_ + "/log"); }
  bool AwaitLog(const std::string& text) const {
    return Await([&] { return absl::StrContains(Log(), text); });
  }
  std::string Statuses() const { return ReadFile(folder_ + "/state/statuses.yaml"); }

  static inline bool in_namespace_ = false;
  std::optional<Backend> one_, two_;
  std::string folder_;
  uint16_t port_ = 0;
  pid_t agent_ = 0, proxy_ = 0;
};

TEST_F(ProcessesTest, ServeTheManifestsAndFollowThem) {
  StartAgent();
  StartProxy();
  ASSERT_TRUE(AwaitAnswer("one"));
  EXPECT_TRUE(Await([&] { return absl::StrContains(Statuses(), "the Gateway is programmed"); }));
  WriteRoute(*two_);
  EXPECT_TRUE(AwaitAnswer("two"));
}

TEST_F(ProcessesTest, BrokenFilesAreNamedAndCostNothingThatWorked) {
  StartAgent();
  StartProxy();
  ASSERT_TRUE(AwaitAnswer("one"));
  Write("route.yaml", "kind: [\n");
  EXPECT_TRUE(AwaitLog(folder_ + "/manifests/route.yaml:"));
  EXPECT_EQ(Get(), "one");
  fs::rename(folder_ + "/manifests", folder_ + "/away");
  EXPECT_TRUE(AwaitLog("the last good configuration serves on"));
  EXPECT_EQ(Get(), "one");
  fs::rename(folder_ + "/away", folder_ + "/manifests");
  WriteRoute(*two_);
  EXPECT_TRUE(AwaitAnswer("two"));
}

TEST_F(ProcessesTest, TheProxyServesOnWithoutAnAgentAndGivesTheSocketsBack) {
  StartAgent();
  StartProxy();
  ASSERT_TRUE(AwaitAnswer("one"));
  for (int i = 0; i < 3; ++i) {
    End(agent_, SIGKILL);
    EXPECT_EQ(Get(), "one");
    const Backend& next = i % 2 == 0 ? *two_ : *one_;
    WriteRoute(next);
    StartAgent();
    EXPECT_TRUE(AwaitAnswer(i % 2 == 0 ? "two" : "one"));
    WriteRoute(*one_);
    EXPECT_TRUE(AwaitAnswer("one"));
  }
  EXPECT_TRUE(AwaitLog("got the listening sockets back from the proxy"));
  EXPECT_FALSE(absl::StrContains(Log(), "listening on 192.0.2.1"));  // nothing was bound twice
}

TEST_F(ProcessesTest, ConnectionsWaitInTheBacklogWhileTheProxyIsAway) {
  StartAgent();
  StartProxy();
  ASSERT_TRUE(AwaitAnswer("one"));
  for (int i = 0; i < 3; ++i) {
    End(proxy_, SIGKILL);
    std::string waiting;
    std::thread client([&] { waiting = Get(); });
    StartProxy();
    client.join();
    EXPECT_EQ(waiting, "one");
  }
}

TEST_F(ProcessesTest, ProgrammedIsPendingWithoutAProxy) {
  StartAgent();
  EXPECT_TRUE(Await([&] {
    return absl::StrContains(Statuses(), "no proxy has applied this configuration yet");
  }));
  StartProxy();
  EXPECT_TRUE(Await([&] { return absl::StrContains(Statuses(), "the Gateway is programmed"); }));
}

TEST_F(ProcessesTest, AddressesAreSticky) {
  WriteGateway("192.0.2.0/30", "192.0.2.1");
  StartAgent();
  ASSERT_TRUE(Await([&] {
    return absl::StrContains(ReadFile(folder_ + "/state/addresses"), "192.0.2.1 ns/gw\n");
  }));
  End(agent_, SIGKILL);
  StartAgent();
  StartProxy();
  EXPECT_TRUE(AwaitAnswer("one"));
}

TEST_F(ProcessesTest, ASecondAgentRefusesToStart) {
  StartAgent();
  StartProxy();
  ASSERT_TRUE(AwaitAnswer("one"));
  pid_t second = Start(AgentArgv());
  int status = 0;
  ::waitpid(second, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_TRUE(AwaitLog(absl::StrCat("cannot start: another sluice-agent runs: it holds ", folder_,
                                    "/run/agent.lock")));
  EXPECT_EQ(Get(), "one");
}

TEST_F(ProcessesTest, StartUpErrorsNameWhatIsWrong) {
  const struct {
    std::vector<std::string> arguments;
    std::string expected;
  } rows[] = {
      {{"--no-packet-path", "--manifests", "/nonexistent/folder"}, "/nonexistent/folder"},
      {{"--manifests", folder_ + "/manifests", "--interface", "nosuch0"},
       "cannot start: no such interface: nosuch0"},
      {{"--no-packet-path", "--manifests", folder_ + "/manifests", "--state-dir", "/proc/none"},
       "/proc/none"},
  };
  for (const auto& row : rows) {
    std::vector<std::string> argv = {SLUICE_AGENT,  "--run-dir",        folder_ + "/run",
                                     "--state-dir", folder_ + "/state", "--metrics",
                                     "off"};
    if (row.arguments.back() == "/proc/none") argv.erase(argv.begin() + 3, argv.begin() + 5);
    argv.insert(argv.end(), row.arguments.begin(), row.arguments.end());
    int status = 0;
    ::waitpid(Start(argv), &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 1) << row.expected;
    EXPECT_TRUE(AwaitLog(row.expected));
  }
}

TEST_F(ProcessesTest, NeitherHasAnyPrivilegeThatItDoesNotNeed) {
  StartAgent();
  StartProxy();
  ASSERT_TRUE(AwaitAnswer("one"));
  const auto agent = process::ReadPrivileges(absl::StrCat(agent_));
  const auto proxy = process::ReadPrivileges(absl::StrCat(proxy_));
  ASSERT_TRUE(agent.ok() && proxy.ok());
  EXPECT_EQ(agent->effective | agent->permitted | agent->inheritable | agent->ambient,
            0u);  // no packet path
  EXPECT_TRUE(agent->no_new_privileges);
  if (!SLUICE_SANDBOX) GTEST_SKIP() << "the sandbox is off under sanitizers";
  EXPECT_EQ(proxy->effective | proxy->permitted | proxy->inheritable | proxy->ambient, 0u);
  EXPECT_TRUE(proxy->no_new_privileges);
  EXPECT_EQ(proxy->seccomp_mode, 2);
}

TEST_F(ProcessesTest, BothEndWhenTold) {
  StartAgent();
  StartProxy();
  ASSERT_TRUE(AwaitAnswer("one"));
  EXPECT_EQ(End(proxy_, SIGTERM), 0);
  EXPECT_EQ(End(agent_, SIGTERM), 0);
}

TEST_F(ProcessesTest, KeysAreInNoLogAndNoStateFile) {
  const std::string key = "MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF";
  Write("secret.yaml",
        absl::StrCat("apiVersion: v1\nkind: Secret\nmetadata: {name: web, namespace: ns}\n"
                     "type: kubernetes.io/tls\nstringData:\n  tls.crt: none\n"
                     "  tls.key: |\n    -----BEGIN PRIVATE KEY-----\n    ",
                     key, "\n    -----END PRIVATE KEY-----\n"));
  StartAgent();
  StartProxy();
  ASSERT_TRUE(AwaitAnswer("one"));
  End(proxy_, SIGTERM);
  End(agent_, SIGTERM);
  for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
    if (!entry.is_regular_file() || absl::StrContains(entry.path().string(), "/manifests/"))
      continue;
    EXPECT_FALSE(absl::StrContains(ReadFile(entry.path()), key)) << entry.path();
  }
}

}  // namespace
}  // namespace sluice::agent
