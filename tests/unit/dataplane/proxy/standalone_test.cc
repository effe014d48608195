#include "dataplane/proxy/standalone.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "../../certs/make_certificate.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sluice::proxy {
namespace {

class StandaloneTest : public ::testing::Test {
 protected:
  StandaloneTest() {
    std::string name = "/tmp/sluice_aloneXXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~StandaloneTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& file, const std::string& text) {
    std::ofstream(folder_ + "/" + file) << text;
  }
  std::string Error() const {
    return std::string(LoadFiles(folder_ + "/s", folder_).status().message());
  }

  std::string folder_;
};

TEST_F(StandaloneTest, FindsCertificatesByNameWhateverTheirHash) {
  const auto web = testing::MakePair(), plain = testing::MakePair();
  Write("ns_web.crt", web.chain);
  Write("ns_web.key", web.key);
  Write("plain.crt", plain.chain);
  Write("plain.key", plain.key);
  Write("s",
        R"(listeners { id: "a" certificate_ids: "ns/web@0123456789abcdef" certificate_ids: "plain" }
                listeners { id: "b" certificate_ids: "ns/web" })");
  const auto files = LoadFiles(folder_ + "/s", folder_);
  ASSERT_TRUE(files.ok()) << files.status();
  const std::string& id = files->snapshot.listeners(0).certificate_ids(0);
  EXPECT_EQ(id.substr(0, 7), "ns/web@");
  EXPECT_EQ(files->snapshot.listeners(1).certificate_ids(0), id);
  EXPECT_NE(files->certificates->Find(id), nullptr);
  EXPECT_NE(files->certificates->Find(files->snapshot.listeners(0).certificate_ids(1)), nullptr);
  EXPECT_EQ(files->certificates->size(), 2u);
}

TEST_F(StandaloneTest, ErrorsNameTheFile) {
  EXPECT_TRUE(absl::StrContains(Error(), folder_ + "/s"));
  Write("s", "listeners { idd: 1 }");
  EXPECT_TRUE(absl::StrContains(Error(), folder_ + "/s: ")) << Error();
  Write("s", R"(listeners { id: "a" certificate_ids: "ns/web" })");
  EXPECT_TRUE(absl::StrContains(Error(), folder_ + "/ns_web.crt")) << Error();
  const auto web = testing::MakePair(), other = testing::MakePair();
  Write("ns_web.crt", web.chain);
  EXPECT_TRUE(absl::StrContains(Error(), folder_ + "/ns_web.key")) << Error();
  Write("ns_web.key", other.key);
  EXPECT_TRUE(absl::StrContains(Error(), folder_ + "/ns_web.crt: ")) << Error();
}

TEST_F(StandaloneTest, ListenersMustExist) {
  snapshot::Snapshot snapshot;
  snapshot.add_listeners()->set_id("a");
  EXPECT_TRUE(CheckListeners({{"a", {}}}, snapshot).ok());
  EXPECT_EQ(CheckListeners({{"a", {}}, {"b", {}}}, snapshot).message(),
            "the Snapshot has no listener b");
}

TEST_F(StandaloneTest, EveryWorkerHasASocketForEachAddress) {
  auto first = BindSockets({{"a", *core::Address::Parse("127.0.0.1", 0)}}, 1);
  ASSERT_TRUE(first.ok()) << first.status();
  const auto address = core::Address::OfLocal((*first)[0].socket.fd.get());
  ASSERT_TRUE(address.has_value());
  const auto sockets = BindSockets({{"a", *address}}, 3);
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  ASSERT_EQ(sockets->size(), 3u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ((*sockets)[i].worker, i);
    EXPECT_EQ((*sockets)[i].socket.listener_id, "a");
    EXPECT_EQ(core::Address::OfLocal((*sockets)[i].socket.fd.get())->text(), address->text());
  }
}

TEST_F(StandaloneTest, AnAddressThatIsTakenIsNamed) {
  const core::Fd taken(::socket(AF_INET, SOCK_STREAM, 0));
  const auto any = *core::Address::Parse("127.0.0.1", 0);
  ASSERT_EQ(::bind(taken.get(), any.get(), any.size()), 0);
  ASSERT_EQ(::listen(taken.get(), 1), 0);
  const auto address = *core::Address::OfLocal(taken.get());
  const auto sockets = BindSockets({{"a", address}}, 1);
  EXPECT_TRUE(
      absl::StrContains(sockets.status().message(), absl::StrCat("listening on ", address.text())));
}

}  // namespace
}  // namespace sluice::proxy
