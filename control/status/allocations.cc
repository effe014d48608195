#include "control/status/allocations.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/log/log.h"
#include "absl/strings/str_cat.h"
#include "control/compile/namespaces.h"
#include "control/kube/kinds.h"
#include "control/kube/resource.h"
#include "gateway-api/address_range.h"

namespace sluice::status {
namespace {

using gateway_api::AddressPool;
using Json = nlohmann::json;

constexpr char kKind[] = "AddressPool";

bool Holds(const AddressPool& pool, const std::string& address) {
  const auto parsed = gateway_api::ParseIpAddress(address);
  if (!parsed) return false;
  return std::ranges::any_of(pool.ranges, [&](const std::string& text) {
    const auto range = gateway_api::ParseAddressRange(text);
    return range && range->Contains(*parsed);
  });
}

// The pool that a new address is written down in; null: none.
const AddressPool* PoolFor(const std::string& address, const gateway_api::NamespacedName& gateway,
                           const gateway_api::ObjectSet& objects) {
  for (const auto& [name, pool] : objects.All<AddressPool>()) {
    if (!compile::Allows(pool.namespaces, objects, "", gateway.namespace_)) continue;
    if (Holds(pool, address)) return &pool;
  }
  return nullptr;
}

Json ToJson(const PoolAllocations& allocations) {
  Json list = Json::array();
  for (const auto& [address, gateway] : allocations) {
    list.push_back({{"address", address}, {"gateway", gateway}});
  }
  return list;
}

std::string PathOf(const std::string& pool) {
  for (const kube::Kind& kind : kube::ObjectKinds()) {
    if (kind.name() == kKind) return kube::ObjectPath(kind.versions.front(), {"", pool}, "status");
  }
  return "";
}

}  // namespace

PoolAllocations ReadAllocations(std::string_view status) {
  PoolAllocations allocations;
  const Json json = Json::parse(status, nullptr, /*allow_exceptions=*/false);
  auto found = json.is_object() ? json.find("allocations") : json.end();
  if (found == json.end() || !found->is_array()) return allocations;
  for (const Json& item : *found) {
    if (!item.is_object()) continue;
    auto address = item.find("address"), gateway = item.find("gateway");
    if (address == item.end() || gateway == item.end()) continue;
    if (!address->is_string() || !gateway->is_string()) continue;
    allocations.push_back({address->get<std::string>(), gateway->get<std::string>()});
  }
  return allocations;
}

std::map<std::string, PoolAllocations> PlanAllocations(
    const std::map<std::string, PoolAllocations>& current, const compile::Allocations& wanted,
    const gateway_api::ObjectSet& objects) {
  std::map<std::string, PoolAllocations> plan;
  std::set<std::string> placed;
  for (const auto& [pool, allocations] : current) {
    PoolAllocations& kept = plan[pool];
    for (const auto& allocation : allocations) {
      auto owner = wanted.find(allocation.address);
      if (owner == wanted.end() || ToString(owner->second) != allocation.gateway) continue;
      if (placed.insert(allocation.address).second) kept.push_back(allocation);
    }
  }
  for (const auto& [address, gateway] : wanted) {
    if (placed.contains(address)) continue;
    const AddressPool* pool = PoolFor(address, gateway, objects);
    if (pool != nullptr) plan[pool->meta.name].push_back({address, ToString(gateway)});
  }
  return plan;
}

AllocationWriter::AllocationWriter(core::EventLoop& loop, kube::Client& client,
                                   AllocationOptions options, std::function<void()> on_conflict)
    : loop_(loop),
      client_(client),
      options_(std::move(options)),
      on_conflict_(std::move(on_conflict)),
      backoff_(absl::Milliseconds(100), absl::Seconds(10),
               [this] { return std::uniform_real_distribution<double>()(random_); }),
      retry_([](void* self) { static_cast<AllocationWriter*>(self)->Write(); }, this) {}

void AllocationWriter::Want(compile::Allocations wanted) {
  if (AwaitsNews()) return;  // it was compiled without what another wrote
  wanted_ = std::move(wanted);
  Write();
}

bool AllocationWriter::AwaitsNews() {
  return std::ranges::any_of(pools_, [this](auto& entry) {
    auto& [name, pool] = entry;
    if (pool.refused.empty()) return false;
    const kube::Known* latest = pool.latest.Pick(options_.known(kKind, {"", name}));
    return latest != nullptr && latest->resource_version == pool.refused;
  });
}

void AllocationWriter::Stop() {
  wanted_.reset();
  pools_.clear();
  retry_.Cancel();
}

void AllocationWriter::Write() {
  if (!wanted_ || !options_.may_write()) return;
  std::map<std::string, PoolAllocations> current;
  for (const auto& [name, pool] : options_.objects().All<AddressPool>()) {
    const kube::Known* latest = pools_[name.name].latest.Pick(options_.known(kKind, name));
    if (latest != nullptr) current[name.name] = ReadAllocations(latest->status);
  }
  for (const auto& [name, allocations] : PlanAllocations(current, *wanted_, options_.objects())) {
    auto before = current.find(name);
    if (before != current.end() && before->second != allocations) WritePool(name, allocations);
  }
}

void AllocationWriter::WritePool(const std::string& name, const PoolAllocations& allocations) {
  Pool& pool = pools_[name];
  const kube::Known* latest = pool.latest.Pick(options_.known(kKind, {"", name}));
  if (pool.call != nullptr || latest->resource_version == pool.refused) return;
  const Json body = {{"metadata", {{"resourceVersion", latest->resource_version}}},
                     {"status", {{"allocations", ToJson(allocations)}}}};
  kube::Request request{.method = kube::Method::kMergePatch,
                        .path = PathOf(name),
                        .body = body.dump(),
                        .deadline = options_.deadline};
  pool.call =
      client_.Send(std::move(request), [this, name, base = latest->resource_version](
                                           const kube::Response& r) { OnWritten(name, base, r); });
}

void AllocationWriter::OnWritten(const std::string& name, const std::string& base,
                                 const kube::Response& response) {
  Pool& pool = pools_[name];
  const std::unique_ptr<kube::Call> ended = std::move(pool.call);
  if (response.transport.ok() && response.code == 409) {
    pool.refused = base;
    wanted_.reset();
    return on_conflict_();
  }
  if (!response.ok()) {
    if (!std::exchange(failing_, true)) {
      LOG(WARNING) << "the allocations of AddressPool " << name
                   << " cannot be written, which is tried again: " << response.ToStatus().message();
    }
    const absl::Duration wait = response.retry_after.value_or(backoff_.Next());
    return loop_.timers().Arm(retry_, static_cast<uint64_t>(absl::ToInt64Milliseconds(wait)));
  }
  failing_ = false;
  backoff_.Reset();
  if (std::optional<kube::Known> answer = ReadKnown(response.body)) {
    pool.latest.Answered(base, *std::move(answer));
  }
  Write();
}

}  // namespace sluice::status
