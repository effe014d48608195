#include "dataplane/upstream/pool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "dataplane/core/listen.h"

namespace sluice::upstream {
namespace {

struct Surroundings {
  core::EventLoop loop;
  core::BufferPool buffers;
  std::vector<uint8_t> scratch = std::vector<uint8_t>(64 * 1024);
  core::IoContext io{loop, buffers, scratch};
  core::Limits limits;
};

core::Address Loopback(uint16_t port) { return *core::Address::Parse("127.0.0.1", port); }

// The endpoints that the next `count` exchanges go to, in turn.
std::vector<std::string> Turns(Pool& pool, size_t count) {
  std::vector<std::string> turns;
  for (size_t i = 0; i < count; ++i) {
    core::Fault fault;
    Connection* connection = pool.Acquire(fault);
    turns.push_back(connection == nullptr ? "none" : connection->endpoint().text);
    if (connection != nullptr) connection->Release();
  }
  return turns;
}

TEST(Pool, EndpointsTakeTurnsInTheOrderGiven) {
  std::vector<core::Fd> listening;
  std::vector<core::Address> at;
  std::vector<std::string> text;
  for (int i = 0; i < 4; ++i) {
    listening.push_back(*core::ListenTcp(Loopback(0), false));
    at.push_back(*core::Address::OfLocal(listening.back().get()));
    text.push_back(at.back().text());
  }
  for (Protocol protocol : {Protocol::kHttp1, Protocol::kHttp2}) {
    Surroundings s;
    Pool pool(s.io, s.limits, protocol);
    core::Fault fault;
    EXPECT_EQ(pool.Acquire(fault), nullptr);
    EXPECT_EQ(fault, core::MakeFault(core::FaultCode::kNoEndpoint));
    pool.SetEndpoints(std::span(at).first(3));
    EXPECT_EQ(Turns(pool, 4), (std::vector<std::string>{text[0], text[1], text[2], text[0]}));
    pool.SetEndpoints(std::span(at).last(2));
    const std::vector<std::string> turns = Turns(pool, 4);
    EXPECT_EQ(std::set<std::string>(turns.begin(), turns.end()),
              (std::set<std::string>{text[2], text[3]}));
    pool.SetEndpoints({});
    EXPECT_EQ(pool.endpoints(), 0u);
  }
}

// Every endpoint in a new place: each was looked for among all of them once.
TEST(Pool, ReorderingManyEndpointsIsCheap) {
  Surroundings s;
  Pool pool(s.io, s.limits, Protocol::kHttp1);
  std::vector<core::Address> addresses;
  for (int i = 0; i < 20'000; ++i) {
    addresses.push_back(*core::Address::Parse(
        "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250), 80));
  }
  timespec begin, end;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
  for (int i = 0; i < 10; ++i) {
    std::ranges::reverse(addresses);
    pool.SetEndpoints(addresses);
  }
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
  EXPECT_EQ(pool.endpoints(), addresses.size());
  EXPECT_LT(end.tv_sec - begin.tv_sec, 5);  // quadratic: minutes
}

TEST(Pool, OurOwnShortageIsNoEndpointsFault) {
#if __has_feature(address_sanitizer)
  GTEST_SKIP() << "UBSan looks at objects through a pipe, and no descriptor is left for it";
#endif
  Surroundings s;
  Pool pool(s.io, s.limits, Protocol::kHttp1);
  core::Fd listening = *core::ListenTcp(Loopback(0), false);
  const std::vector<core::Address> one = {*core::Address::OfLocal(listening.get())};
  pool.SetEndpoints(one);
  rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  const int next = dup(listening.get());
  close(next);
  const rlimit none = {.rlim_cur = static_cast<rlim_t>(next), .rlim_max = limit.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);
  core::Fault fault;
  Connection* connection = pool.Acquire(fault);
  setrlimit(RLIMIT_NOFILE, &limit);
  EXPECT_EQ(connection, nullptr);
  EXPECT_EQ(fault, core::MakeFault(core::FaultCode::kOverload));
  EXPECT_EQ(pool.counters().connect_failures, 0u);
  EXPECT_NE(pool.Acquire(fault), nullptr);
}

TEST(Pool, IdleConnectionsAreSharedOrTakenByProtocol) {
  core::Fd listening = *core::ListenTcp(Loopback(0), false);
  const std::vector<core::Address> one = {*core::Address::OfLocal(listening.get())};
  for (Protocol protocol : {Protocol::kHttp1, Protocol::kHttp2}) {
    Surroundings s;
    Pool pool(s.io, s.limits, protocol);
    pool.SetEndpoints(one);
    core::Fault fault;
    Connection* first = pool.Acquire(fault);
    Connection* second = pool.Acquire(fault);
    ASSERT_TRUE(first != nullptr && second != nullptr);
    EXPECT_EQ(first == second, protocol == Protocol::kHttp2);
    EXPECT_EQ(pool.connections(), protocol == Protocol::kHttp2 ? 1u : 2u);
  }
}

// An exchange that ends once the connection stands.
void Use(Surroundings& s, Pool& pool) {
  core::Fault fault;
  Connection* connection = pool.Acquire(fault);
  ASSERT_NE(connection, nullptr);
  s.loop.RunOnce(1000);
  connection->Release();
}

TEST(Pool, IdleConnectionsEndWithTheirTimeAndTheirEndpoint) {
  core::Fd listening = *core::ListenTcp(Loopback(0), false);
  const std::vector<core::Address> one = {*core::Address::OfLocal(listening.get())};
  for (Protocol protocol : {Protocol::kHttp1, Protocol::kHttp2}) {
    Surroundings s;
    s.limits.pool_idle_ms = 50;
    s.limits.stall_ms = 50;
    Pool pool(s.io, s.limits, protocol);
    pool.SetEndpoints(one);
    Use(s, pool);
    EXPECT_EQ(pool.connections(), 1u);
    for (int i = 0; i < 100 && pool.connections() > 0; ++i) s.loop.RunOnce(10);
    EXPECT_EQ(pool.connections(), 0u);
    Use(s, pool);
    EXPECT_EQ(pool.connections(), 1u);
    pool.SetEndpoints({});
    s.loop.RunOnce(0);
    EXPECT_EQ(pool.connections(), 0u);
  }
}

}  // namespace
}  // namespace sluice::upstream
