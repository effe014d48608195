// A reflector against an API server that fails at random in every way: in the end it knows what the
// server has, and it has told of each version once at most.
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "control/kube/reflector.h"
#include "fake_api.h"

namespace sluice::kube {
namespace {

constexpr char kPath[] = "/api/v1/services";
constexpr Resource kServices = {"", "v1", "services", "Service", true};

class Mirror {
 public:
  Mirror(core::EventLoop& loop, FakeApi& server, std::mt19937& random)
      : reflector_(
            loop.timers(), server,
            {.versions = {kServices},
             .in_namespace = "",
             .field_selector = "",
             .page = 3,
             .random = [&] { return std::uniform_real_distribution<>()(random); }},
            {.on_object = [this](const ObjectText& object, const Resource&) { Take(object); },
             .on_gone =
                 [this](const gateway_api::NamespacedName& name) {
                   EXPECT_EQ(objects_.erase(ToString(name)), 1U) << ToString(name);
                 },
             .on_state = [] {}}) {
    reflector_.Start();
  }

  std::set<std::string> Objects() const {
    std::set<std::string> objects;
    for (const auto& [name, version] : objects_) objects.insert(absl::StrCat(name, "@", version));
    return objects;
  }
  bool answered() const { return reflector_.answered(); }

 private:
  void Take(const ObjectText& object) {
    std::string& version = objects_[ToString(object.name)];
    EXPECT_NE(version, object.resource_version) << "applied twice";
    version = object.resource_version;
  }

  std::map<std::string, std::string> objects_;
  Reflector reflector_;
};

void ChangeSomething(FakeApi& server, std::mt19937& random) {
  const std::string name = absl::StrCat("s", random() % 8);
  const std::string key = absl::StrCat("ns/", name);
  const std::set<std::string> objects = server.Objects(kPath);
  const bool there = std::ranges::any_of(
      objects, [&](const std::string& object) { return absl::StartsWith(object, key + "@"); });
  if (there && random() % 3 == 0) return server.Delete(kPath, key);
  server.Put(kPath, absl::StrCat(R"({"metadata":{"name":")", name, R"(","namespace":"ns"}})"));
}

TEST(ReflectorFaults, NeitherLosesNorDoublesAnything) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    core::EventLoop loop;
    FakeApi server(loop);
    server.Serve(kPath);
    server.fault = [&] {
      return random() % 4 == 0 ? static_cast<FakeApi::Fault>(random() % 7) : FakeApi::Fault::kNone;
    };
    Mirror mirror(loop, server, random);
    uint64_t now = loop.now_ms();
    auto turn = [&] {
      loop.RunOnce(0);
      loop.timers().Advance(now += 500);
    };
    for (int i = 0; i < 100; ++i) {
      ChangeSomething(server, random);
      if (random() % 20 == 0) server.Compact();
      if (random() % 20 == 0) server.BreakWatches();
      if (random() % 3 == 0) turn();
    }
    server.fault = [] { return FakeApi::Fault::kNone; };
    for (int i = 0; i < 200 && mirror.Objects() != server.Objects(kPath); ++i) turn();
    EXPECT_TRUE(mirror.answered());
    EXPECT_EQ(mirror.Objects(), server.Objects(kPath));
    // And it stays so: no event was left behind that comes now.
    for (int i = 0; i < 20; ++i) turn();
    ASSERT_EQ(mirror.Objects(), server.Objects(kPath));
  }
}

}  // namespace
}  // namespace sluice::kube
