// From a connection's local address and a request's host, path, headers, query and method to the
// rule that serves it. Immutable, shared by all workers; a lookup allocates nothing and takes no
// lock. The result always equals a linear scan of Host.matches in Snapshot order.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/core/address.h"
#include "dataplane/http/message.h"
#include "dataplane/route/rule.h"
#include "dataplane/snapshot/listener_groups.h"
#include "dataplane/snapshot/snapshot.pb.h"

namespace sluice::route {

enum class Outcome : uint8_t {
  kFound,
  kNoRoute,      // 404
  kMisdirected,  // 421: another listener of this port serves the host (RFC 9110 15.5.20)
};

struct Result {
  static constexpr uint32_t kNoListener = ~0u;
  Outcome outcome = Outcome::kNoRoute;
  uint32_t listener = kNoListener;         // index into Snapshot.listeners, of the request
  const Rule* rule = nullptr;              // kFound only
  const snapshot::Match* match = nullptr;  // kFound only: the match that won (for prefix rewrites)
};

class RouteTable {
 public:
  static constexpr uint32_t kAnyListener = ~0u;
  static constexpr uint32_t kGoneListener = ~0u - 1;  // Find says kMisdirected

  // REQUIRES: snapshot::Validate accepted `snapshot`. Copies what it needs.
  static absl::StatusOr<std::unique_ptr<const RouteTable>> Build(
      const snapshot::Snapshot& snapshot);
  ~RouteTable();

  // The listeners that share the address and port; nullopt: there are none.
  std::optional<snapshot::GroupId> FindPort(const core::Address& local) const;
  // The group of one listener by its id, for connections that come by another address (--listen).
  std::optional<snapshot::GroupId> FindPortOfListener(std::string_view listener_id) const;
  bool IsHttps(snapshot::GroupId port) const;

  // `listener`: index of the one that SNI chose (HTTPS), or kAnyListener (HTTP).
  Result Find(snapshot::GroupId port, uint32_t listener, const http::RequestHead& head) const;

  const std::vector<Rule>& rules() const;             // by Rule::index
  std::string_view ListenerId(uint32_t index) const;  // of Snapshot.listeners; "": kNoListener
  size_t listeners() const;
  // kGoneListener: this generation has no such listener.
  uint32_t ListenerIndex(std::string_view listener_id) const;

 private:
  RouteTable();
  struct Tables;
  std::unique_ptr<Tables> tables_;
};

}  // namespace sluice::route
