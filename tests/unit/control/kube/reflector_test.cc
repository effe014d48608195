#include "control/kube/reflector.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "scripted_client.h"

namespace sluice::kube {
namespace {

using Log = std::vector<std::string>;

constexpr Resource kServices = {"", "v1", "services", "Service", true};
constexpr Resource kTcpV1 = {"gateway.networking.k8s.io", "v1", "tcproutes", "TCPRoute", true};
constexpr Resource kTcpAlpha = {"gateway.networking.k8s.io", "v1alpha2", "tcproutes", "TCPRoute",
                                true};

std::string Object(std::string_view name, int version) {
  return absl::StrCat(R"({"metadata":{"name":")", name, R"(","namespace":"ns","resourceVersion":")",
                      version, R"("},"spec":{"s":"}]\"{"}})");
}

std::string List(int version, const std::vector<std::string>& objects,
                 std::string_view continue_token = "") {
  return absl::StrCat(R"({"kind":"ServiceList","metadata":{"resourceVersion":")", version,
                      R"(","continue":")", continue_token, R"("},"items":[)",
                      absl::StrJoin(objects, ", "), "]}");
}

std::string Event(std::string_view type, const std::string& object) {
  return absl::StrCat(R"({"type":")", type, R"(","object":)", object, "}");
}

std::string Bookmark(int version) {
  return absl::StrCat(
      R"({"type":"BOOKMARK","object":{"kind":"Service","metadata":{"resourceVersion":")", version,
      R"("}}})");
}

class ReflectorTest : public ::testing::Test {
 protected:
  void Make(std::vector<Resource> versions, int page = 500) {
    reflector_ = std::make_unique<Reflector>(
        timers_, client_,
        ReflectorOptions{.versions = std::move(versions),
                         .in_namespace = "",
                         .field_selector = "",
                         .page = page,
                         .random = [] { return 0.999; }},
        ReflectorHandlers{.on_object =
                              [this](const ObjectText& object, const Resource&) {
                                log_.push_back(absl::StrCat(ToString(object.name), "@",
                                                            object.resource_version));
                              },
                          .on_gone =
                              [this](const gateway_api::NamespacedName& name) {
                                log_.push_back(absl::StrCat("-", ToString(name)));
                              },
                          .on_state = [] {}});
    reflector_->Start();
  }

  // Listed at version 10 with objects a@5 and b@7, and watching.
  void MakeWatching() {
    Make({kServices});
    client_.Answer(200, List(10, {Object("a", 5), Object("b", 7)}));
    EXPECT_EQ(TakeLog(), (Log{"ns/a@5", "ns/b@7"}));
    ExpectWatchFrom(10);
  }

  void ExpectListing() {
    EXPECT_EQ(client_.OpenPath(), absl::StrCat("/api/v1/services?limit=500"));
  }
  void ExpectWatchFrom(int version) {
    EXPECT_EQ(client_.OpenPath(),
              absl::StrCat("/api/v1/services?watch=1&allowWatchBookmarks=true&resourceVersion=",
                           version, "&timeoutSeconds=599"));
  }
  Log TakeLog() { return std::exchange(log_, {}); }

  void Pass(absl::Duration time) {
    now_ms_ += static_cast<uint64_t>(absl::ToInt64Milliseconds(time));
    timers_.Advance(now_ms_);
  }

  uint64_t now_ms_ = 1000;
  core::TimerWheel timers_{now_ms_};
  ScriptedClient client_;
  Log log_;
  std::unique_ptr<Reflector> reflector_;
};

TEST_F(ReflectorTest, ListsPageByPageThenWatches) {
  Make({kServices}, 1);
  EXPECT_EQ(client_.OpenPath(), "/api/v1/services?limit=1");
  client_.Answer(200, List(10, {Object("a", 5)}, "tok=en"));
  EXPECT_FALSE(reflector_->answered());
  EXPECT_EQ(client_.OpenPath(), "/api/v1/services?limit=1&continue=tok%3den");
  client_.Answer(200, List(10, {Object("b", 7)}));
  EXPECT_EQ(TakeLog(), (Log{"ns/a@5", "ns/b@7"}));
  EXPECT_TRUE(reflector_->answered());
  ExpectWatchFrom(10);
  client_.Line("");
  client_.Line(Event("ADDED", Object("c", 11)));
  client_.Line(Event("MODIFIED", Object("a", 12)));
  client_.Line(Event("DELETED", Object("b", 13)));
  EXPECT_EQ(TakeLog(), (Log{"ns/c@11", "ns/a@12", "-ns/b"}));
  EXPECT_EQ(reflector_->resource_version(), "13");
  EXPECT_EQ(reflector_->size(), 2U);
}

TEST_F(ReflectorTest, ResumesWhereItWasWhenAWatchEndsOrBreaks) {
  MakeWatching();
  client_.Line(Event("ADDED", Object("c", 11)));
  client_.Line(Bookmark(20));
  Pass(absl::Minutes(1));
  client_.Answer(200);  // the server's own timeout
  ExpectWatchFrom(20);
  client_.Line(Event("ADDED", Object("d", 21)));
  client_.End({.transport = absl::UnavailableError("reset"), .body = {}, .retry_after = {}});
  EXPECT_EQ(client_.OpenPath(), "");
  Pass(absl::Milliseconds(80));
  ExpectWatchFrom(21);
  EXPECT_TRUE(reflector_->health().ok());
  EXPECT_EQ(TakeLog(), (Log{"ns/c@11", "ns/d@21"}));
}

TEST_F(ReflectorTest, AppliesNoEventTwice) {
  MakeWatching();
  client_.Line(Event("MODIFIED", Object("a", 11)));
  client_.Line(Event("MODIFIED", Object("b", 12)));
  client_.Line(Event("MODIFIED", Object("a", 11)));  // again
  client_.Line(Event("ADDED", Object("b", 7)));      // older than the list
  client_.Line(Event("DELETED", Object("b", 12)));   // what is not newer is no deletion either
  client_.Line(Event("DELETED", Object("x", 13)));   // of what was never there
  EXPECT_EQ(TakeLog(), (Log{"ns/a@11", "ns/b@12"}));
  EXPECT_EQ(reflector_->resource_version(), "13");
}

TEST_F(ReflectorTest, FindsMissedDeletionsWhenTheVersionIsTooOld) {
  struct Case {
    std::string what;
    std::function<void()> expire;
  };
  const std::string status =
      R"({"kind":"Status","code":410,"reason":"Expired","message":"too old"})";
  for (const Case& row : std::vector<Case>{
           {"event", [&] { client_.Line(Event("ERROR", status)); }},
           {"refused", [&] { client_.Answer(410, status); }},
       }) {
    SCOPED_TRACE(row.what);
    MakeWatching();
    row.expire();
    Pass(absl::Milliseconds(80));
    ExpectListing();
    client_.Answer(200, List(30, {Object("a", 5), Object("c", 25)}));
    EXPECT_EQ(TakeLog(), (Log{"ns/c@25", "-ns/b"}));
    ExpectWatchFrom(30);
  }
}

TEST_F(ReflectorTest, ListsAgainAfterWhatItCannotRead) {
  for (const std::string& line : {
           std::string("no json"),
           Event("ADDED", Object("c", 11)).substr(0, 60),
           Event("PATCHED", Object("c", 11)),
           Event("ADDED", R"({"metadata":{"resourceVersion":"11"}})"),
           Event("ADDED", R"({"metadata":{"name":"c"}})"),
           Event("ADDED", R"([])"),
           std::string(R"({"type":"ADDED"})"),
           Event("ERROR", R"({"code":500,"message":"etcd"})"),
       }) {
    SCOPED_TRACE(line);
    MakeWatching();
    client_.Line(line);
    EXPECT_EQ(client_.OpenPath(), "");
    EXPECT_EQ(TakeLog(), Log{});
    Pass(absl::Milliseconds(80));
    ExpectListing();
    client_.Answer(200, List(12, {Object("a", 5), Object("b", 7), Object("c", 11)}));
    EXPECT_EQ(TakeLog(), Log{"ns/c@11"});
  }
}

TEST_F(ReflectorTest, TakesNoListThatIsNotOfOneMoment) {
  struct Case {
    std::string what;
    std::string first, second;
  };
  for (const Case& row : std::vector<Case>{
           {"another moment", List(10, {Object("a", 5)}, "t"), List(11, {Object("b", 7)})},
           {"the same page", List(10, {Object("a", 5)}, "t"), List(10, {Object("a", 5)}, "t")},
           {"cut off", List(10, {Object("a", 5)}, "t"), List(10, {Object("b", 7)}).substr(0, 90)},
           {"no version", List(10, {Object("a", 5)}, "t"), R"({"metadata":{},"items":[]})"},
           {"nameless", List(10, {Object("a", 5)}, "t"), List(10, {Object("", 7)})},
       }) {
    SCOPED_TRACE(row.what);
    Make({kServices});
    client_.Answer(200, row.first);
    client_.Answer(200, row.second);
    EXPECT_FALSE(reflector_->answered());
    EXPECT_FALSE(reflector_->health().ok());
    Pass(absl::Milliseconds(80));
    ExpectListing();
    client_.Answer(200, List(12, {Object("b", 7)}));
    EXPECT_EQ(TakeLog(), (Log{"ns/a@5", "ns/b@7", "-ns/a"}));
    EXPECT_TRUE(reflector_->health().ok());
  }
}

TEST_F(ReflectorTest, WaitsLongerEachTimeAndAsLongAsItIsTold) {
  Make({kServices});
  Log waits;
  for (int i = 0; i < 10; ++i) {
    client_.Answer(503, R"({"message":"starting","reason":"ServiceUnavailable"})");
    int64_t waited = 0;
    while (client_.OpenPath().empty()) {
      Pass(absl::Milliseconds(10));
      waited += 10;
    }
    waits.push_back(absl::StrCat((waited + 25) / 50 * 50));
  }
  EXPECT_EQ(absl::StrJoin(waits, " "), "50 100 200 400 800 1600 3200 6400 10000 10000");
  EXPECT_EQ(reflector_->health(),
            absl::UnavailableError("cannot list services: HTTP 503 ServiceUnavailable: starting"));
}

TEST_F(ReflectorTest, WaitsAsLongAsTheServerSays) {
  MakeWatching();
  client_.End({.transport = {}, .code = 429, .body = {}, .retry_after = absl::Seconds(3)});
  Pass(absl::Milliseconds(2900));
  EXPECT_EQ(client_.OpenPath(), "");
  Pass(absl::Milliseconds(200));
  ExpectWatchFrom(10);
}

TEST_F(ReflectorTest, ListsAgainIfItsVersionIsRefusedAgainAndAgain) {
  MakeWatching();
  for (int i = 0; i < 2; ++i) {
    client_.Answer(504, R"({"message":"Too large resource version"})");
    Pass(absl::Seconds(1));
    ExpectWatchFrom(10);
  }
  client_.Answer(504, R"({"message":"Too large resource version"})");
  Pass(absl::Seconds(1));
  ExpectListing();  // of a server that was set back
  client_.Answer(200, List(8, {Object("a", 5)}));
  EXPECT_EQ(TakeLog(), (Log{"-ns/b"}));
  ExpectWatchFrom(8);
}

TEST_F(ReflectorTest, KeepsWhatItKnowsWhenDeniedAndSaysWhat) {
  const std::string forbidden =
      R"({"code":403,"reason":"Forbidden","message":"services is forbidden: User \"x\" cannot list resource \"services\""})";
  MakeWatching();
  client_.Answer(403, forbidden);
  for (int i = 0; i < 4; ++i) {
    Pass(absl::Seconds(3));
    ExpectListing();
    client_.Answer(403, forbidden);
  }
  EXPECT_EQ(reflector_->health(),
            absl::PermissionDeniedError("cannot list services: HTTP 403 Forbidden: services is "
                                        "forbidden: User \"x\" cannot list resource \"services\""));
  Pass(absl::Seconds(29));
  EXPECT_EQ(client_.OpenPath(), "");  // no longer so often
  Pass(absl::Seconds(2));
  ExpectListing();
  EXPECT_EQ(TakeLog(), Log{});
}

TEST_F(ReflectorTest, WaitsForRolesBeforeItGivesAnAnswer) {
  Make({kServices});
  client_.Answer(403, "{}");
  EXPECT_FALSE(reflector_->answered());
  for (int i = 0; i < 4; ++i) {
    Pass(absl::Seconds(3));
    client_.Answer(403, "{}");
  }
  EXPECT_TRUE(reflector_->answered());
  EXPECT_EQ(reflector_->size(), 0U);
}

TEST_F(ReflectorTest, TriesAllVersionsOfAKind) {
  Make({kTcpV1, kTcpAlpha});
  client_.Answer(404, "404 page not found");
  EXPECT_EQ(client_.OpenPath(), "/apis/gateway.networking.k8s.io/v1alpha2/tcproutes?limit=500");
  client_.Answer(200, List(10, {Object("a", 5)}));
  EXPECT_TRUE(reflector_->answered());
  EXPECT_EQ(reflector_->resource().version, "v1alpha2");
}

TEST_F(ReflectorTest, TakesAMissingKindForEmptyAndLooksAgain) {
  Make({kServices});
  client_.Answer(404);
  EXPECT_TRUE(reflector_->answered());
  EXPECT_TRUE(reflector_->missing());
  EXPECT_TRUE(reflector_->health().ok());
  Pass(absl::Seconds(16));
  ExpectListing();
  client_.Answer(404);
  reflector_->RetryNow();
  ExpectListing();
  client_.Answer(200, List(10, {Object("a", 5)}));
  EXPECT_FALSE(reflector_->missing());
  EXPECT_EQ(TakeLog(), Log{"ns/a@5"});
}

TEST_F(ReflectorTest, GivesUpWhatItKnowsOnlyIfTheKindStaysAway) {
  MakeWatching();
  client_.Answer(404);
  Pass(absl::Seconds(3));
  ExpectListing();
  client_.Answer(404);  // an API server that starts
  Pass(absl::Seconds(3));
  client_.Answer(200, List(12, {Object("a", 5), Object("b", 7)}));
  EXPECT_EQ(TakeLog(), Log{});
  client_.Answer(404);
  for (int i = 0; i < 6; ++i) {
    Pass(absl::Seconds(3));
    if (!client_.OpenPath().empty()) client_.Answer(404);
  }
  EXPECT_EQ(TakeLog(), (Log{"-ns/a", "-ns/b"}));
  EXPECT_TRUE(reflector_->missing());
}

TEST_F(ReflectorTest, DoesNotWaitOnceTheServerAnswersOthers) {
  MakeWatching();
  client_.Answer(429);
  reflector_->RetryIfUnreachable();
  EXPECT_EQ(client_.OpenPath(), "");  // it was asked to wait
  Pass(absl::Seconds(1));
  client_.End({.transport = absl::UnavailableError("refused"), .body = {}, .retry_after = {}});
  EXPECT_EQ(client_.OpenPath(), "");
  reflector_->RetryIfUnreachable();
  ExpectWatchFrom(10);
}

TEST_F(ReflectorTest, WaitsShortlyAgainOnceItGetsAnswers) {
  MakeWatching();
  for (int i = 0; i < 9; ++i) {
    client_.End({.transport = absl::UnavailableError("refused"), .body = {}, .retry_after = {}});
    Pass(absl::Seconds(11));
  }
  client_.Answer(429, R"({"message":"storage is (re)initializing"})");
  Pass(absl::Milliseconds(80));
  ExpectWatchFrom(10);
}

TEST_F(ReflectorTest, AsksForLessWhenAnAnswerIsTooLarge) {
  Make({kServices});
  client_.End({.transport = absl::ResourceExhaustedError("large"), .body = {}, .retry_after = {}});
  EXPECT_EQ(client_.OpenPath(), "/api/v1/services?limit=125");
  client_.End({.transport = absl::ResourceExhaustedError("large"), .body = {}, .retry_after = {}});
  EXPECT_EQ(client_.OpenPath(), "/api/v1/services?limit=31");
}

TEST_F(ReflectorTest, LeavesNothingUnderWayBehind) {
  MakeWatching();
  reflector_.reset();
  EXPECT_EQ(client_.OpenPath(), "");
}

}  // namespace
}  // namespace sluice::kube
