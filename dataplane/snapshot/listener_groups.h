// Which listeners share an address and port. A connection arrives at a group; inside it SNI (TLS)
// or Host (cleartext) choose the listener. Groups that hold the same listeners are one, so a
// Gateway with an IPv4 and an IPv6 address has one group a port. The same Snapshot always gives the
// same ids, so TLS and routing, which each build their own, agree. Immutable; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "dataplane/core/address.h"
#include "dataplane/snapshot/host_map.h"
#include "dataplane/snapshot/snapshot.pb.h"

namespace sluice::snapshot {

using GroupId = uint32_t;
using ListenerIndex = uint32_t;  // into Snapshot.listeners; changes from generation to generation

class ListenerGroups {
 public:
  // REQUIRES: Validate(snapshot) is ok.
  explicit ListenerGroups(const Snapshot& snapshot);

  // By the local address of a connection.
  std::optional<GroupId> Find(const core::Address& local) const;
  // The group of a listener's first address: for sockets that are bound to a listener by name.
  std::optional<GroupId> FindByListener(std::string_view listener_id) const;

  size_t size() const { return groups_.size(); }
  Listener::Protocol protocol(GroupId group) const { return groups_[group].protocol; }

  // The group's most specific listener for `host` (see HostMap).
  std::optional<ListenerIndex> FindListener(GroupId group, std::string_view host) const {
    return groups_[group].by_hostname.Find(host);
  }

 private:
  struct Group {
    Listener::Protocol protocol;
    HostMap by_hostname;
  };

  absl::flat_hash_map<core::Address, GroupId> by_address_;
  absl::flat_hash_map<std::string, GroupId> by_listener_;
  std::vector<Group> groups_;
};

}  // namespace sluice::snapshot
