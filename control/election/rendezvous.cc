#include "control/election/rendezvous.h"

#include <algorithm>
#include <numeric>

namespace sluice::election {
namespace {

// The finaliser of splitmix64: every bit of the input changes half of the output.
constexpr uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// FNV-1a, mixed.
template <typename Bytes>
uint64_t Hash(const Bytes& bytes) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const auto byte : bytes) hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001b3u;
  return Mix(hash);
}

}  // namespace

NodeId IdOf(std::string_view node_name) { return std::max<NodeId>(Hash(node_name), 1); }

uint64_t Score(const AddressKey& address, NodeId node) {
  return Mix(Hash(address) + Mix(node + 0x9e3779b97f4a7c15u));
}

std::vector<uint8_t> Preference(const AddressKey& address, std::span<const NodeId> nodes) {
  std::vector<uint64_t> scores;
  for (const NodeId node : nodes) scores.push_back(Score(address, node));
  std::vector<uint8_t> order(nodes.size());
  std::iota(order.begin(), order.end(), uint8_t{0});
  std::ranges::sort(order, [&](uint8_t a, uint8_t b) {
    return std::pair(scores[a], nodes[a]) > std::pair(scores[b], nodes[b]);
  });
  return order;
}

}  // namespace sluice::election
