// A Compiler that remembers against one that does not: after each of many random changes, both must
// give the same bytes.
#include "control/compile/compiler.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "random_cluster.h"

namespace sluice::compile {
namespace {

using namespace gateway_api;  // NOLINT: the types of every line below
using testing::FakeCertificates;
using testing::Print;
using testing::RandomCluster;

// Takes an object away, or puts another in its place, of any kind.
template <typename T>
bool EraseSome(ObjectSet& objects, std::mt19937& random) {
  const auto& all = objects.All<T>();
  if (all.empty()) return false;
  auto at = all.begin();
  std::advance(at, random() % all.size());
  const NamespacedName name = (*at).first;
  return objects.Erase<T>(name);
}

void Change(ObjectSet& objects, RandomCluster& cluster, std::mt19937& random) {
  const auto is_erased = [&] {
    switch (random() % 9) {
      case 0:
        return EraseSome<HttpRoute>(objects, random);
      case 1:
        return EraseSome<GrpcRoute>(objects, random);
      case 2:
        return EraseSome<Service>(objects, random);
      case 3:
        return EraseSome<EndpointSlice>(objects, random);
      case 4:
        return EraseSome<ReferenceGrant>(objects, random);
      case 5:
        return EraseSome<Gateway>(objects, random);
      case 6:
        return EraseSome<ListenerSet>(objects, random);
      case 7:
        return EraseSome<Namespace>(objects, random);
      default:
        return EraseSome<BackendTlsPolicy>(objects, random);
    }
  };
  if (random() % 3 == 0 && is_erased()) return;
  objects.Put(cluster.MakeAny());
}

// Text only where they differ: it is dear.
void ExpectSame(const Compiled& a, const Compiled& b) {
  const bool same = a.snapshot.SerializeAsString() == b.snapshot.SerializeAsString() &&
                    a.statuses == b.statuses && a.allocations == b.allocations &&
                    a.certificates == b.certificates && a.warnings == b.warnings;
  if (!same) EXPECT_EQ(Print(a), Print(b));
  EXPECT_TRUE(same);
}

TEST(Compiler, GivesTheBytesOfACompileFromScratchAfterEveryChange) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    RandomCluster cluster(seed);
    ObjectSet objects = testing::SetOf(cluster.Make());
    Compiler compiler;
    CompileOptions options = FakeCertificates();
    for (int step = 0; step < 40; ++step) {
      const Compiled remembered = compiler.Compile(objects, options);
      ExpectSame(remembered, Compile(objects, options));
      ASSERT_FALSE(HasFailure()) << "seed " << seed << ", step " << step;
      options.allocations = remembered.allocations;
      for (uint32_t n = random() % 3; n > 0; --n) Change(objects, cluster, random);
      // Copies of a set, and sets made anew, are sets like any other.
      if (random() % 8 == 0) objects = testing::SetOf(testing::ObjectsOf(objects));
    }
  }
}

// What only a write of a status changed is not a change.
TEST(Compiler, NewResourceVersionsChangeNothing) {
  RandomCluster cluster(7);
  ObjectSet objects = testing::SetOf(cluster.Make());
  Compiler compiler;
  const Compiled before = compiler.Compile(objects, FakeCertificates());
  int version = 0;
  for (Object object : testing::ObjectsOf(objects)) {
    std::visit([&](auto& o) { o.meta.resource_version = std::to_string(++version); }, object);
    objects.Put(object);
  }
  ExpectSame(compiler.Compile(objects, FakeCertificates()), before);
}

// A Snapshot that is too small for all routes: who is refused changes as routes come and go.
TEST(Compiler, RoomThatIsFreedGoesToTheNextOldestRoute) {
  ObjectSet objects = testing::SetOf(RandomCluster(1).MakeFrame());
  const auto add = [&](int age, int count) {
    HttpRoute route;
    route.meta.name = "r" + std::to_string(age);
    route.meta.namespace_ = "a";
    route.meta.creation_time = absl::FromUnixSeconds(age);
    route.parent_refs.push_back({.namespace_ = "a", .name = "frame"});
    for (int i = 0; i < 16; ++i) route.hostnames.push_back("h" + std::to_string(i) + ".example");
    route.rules.resize(1);
    route.rules[0].matches.resize(static_cast<size_t>(count));
    objects.Put(route);
  };
  // 200,000 matches at most: 97 routes of 128 * 16, and a small one.
  for (int age = 1; age <= 98; ++age) add(age, 128);
  add(200, 64);
  Compiler compiler;
  const auto refused = [&] {
    const Compiled compiled = compiler.Compile(objects, FakeCertificates());
    ExpectSame(compiled, Compile(objects, FakeCertificates()));
    std::string names;
    for (const auto& [key, status] : compiled.statuses.routes) {
      if (!status.parents.front().conditions.front().status) names += key.name.name + " ";
    }
    return names;
  };
  EXPECT_EQ(refused(), "r98 ");
  objects.Erase<HttpRoute>({"a", "r3"});
  EXPECT_EQ(refused(), "");
  add(0, 128);
  EXPECT_EQ(refused(), "r98 ");
  add(300, 128);
  EXPECT_EQ(refused(), "r300 r98 ");
  objects.Erase<HttpRoute>({"a", "r200"});
  EXPECT_EQ(refused(), "r300 r98 ");
  objects.Erase<HttpRoute>({"a", "r0"});
  EXPECT_EQ(refused(), "r300 ");
}

}  // namespace
}  // namespace sluice::compile
