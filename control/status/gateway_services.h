// For each Gateway of ours a headless Service without a selector, so that there is an object in its
// namespace that carries its infrastructure's labels and annotations (Gateway API, GEP-1867) and by
// which its resources can be found. No traffic ever uses it. Lives on the loop's thread.
// Invariant: a Service that we did not make is never changed or removed; that it stands in the way
// is logged once. The Gateway owns its Service, so a garbage collector removes it too.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <set>
#include <string>

#include "absl/time/time.h"
#include "control/kube/backoff.h"
#include "control/kube/client.h"
#include "dataplane/core/event_loop.h"
#include "gateway-api/object_set.h"

namespace sluice::status {

// The Service that a Gateway shall have. Pure, as the next two.
nlohmann::json ServiceFor(const gateway_api::Gateway& gateway);
// `sluice-NAME`, or with a hash in place of what is too long or no name for a Service: at most 63
// characters (RFC 1035 label).
std::string ServiceName(std::string_view gateway);
// What is to be written instead of `current`; nothing: it is as it shall be. Labels and annotations
// that neither came from the Gateway nor are ours stay.
std::optional<nlohmann::json> MergeService(const nlohmann::json& current,
                                           const nlohmann::json& wanted);
// Did we make it, for the Gateway with this uid ("": for any)?
bool IsOurService(const nlohmann::json& service, std::string_view gateway_uid);

struct GatewayServiceOptions {
  std::function<bool()> may_write;
  absl::Duration deadline = absl::Seconds(5);
};

class GatewayServices {
 public:
  GatewayServices(core::EventLoop& loop, kube::Client& client, GatewayServiceOptions options);
  GatewayServices(const GatewayServices&) = delete;
  GatewayServices& operator=(const GatewayServices&) = delete;

  // `gateways`: those that are ours, of `objects`.
  void Want(const std::set<gateway_api::NamespacedName>& gateways,
            const gateway_api::ObjectSet& objects);
  // Leads no more.
  void Stop();

 private:
  struct Entry {
    nlohmann::json wanted;  // null: it shall go
    bool done = false;      // the server has it so
    bool seen = false;      // and the watch has told of it since
    bool blocked = false;   // somebody else's is in its place
    std::unique_ptr<kube::Call> call;
  };
  using Key = gateway_api::NamespacedName;  // of the Service

  void Look(const Key& key, Entry& entry, const gateway_api::Service* known);
  void Go();
  void Read(const Key& key, Entry& entry);
  void OnRead(const Key& key, const kube::Response& response);
  void Create(const Key& key, Entry& entry);
  void Update(const Key& key, Entry& entry, const nlohmann::json& current);
  void Remove(const Key& key, Entry& entry, const nlohmann::json& current);
  void OnWritten(const Key& key, const nlohmann::json& wanted, const kube::Response& response);
  void Fail(const Key& key, const kube::Response& response);
  void Send(const Key& key, Entry& entry, kube::Request request,
            std::function<void(const kube::Response&)> on_done);

  core::EventLoop& loop_;
  kube::Client& client_;
  GatewayServiceOptions options_;
  std::mt19937_64 random_{std::random_device{}()};
  std::map<Key, Entry> entries_;
  size_t under_way_ = 0;
  kube::Backoff backoff_;
  bool failing_ = false;
  core::Timer retry_;
};

}  // namespace sluice::status
