#include "dataplane/snapshot/listener_groups.h"

#include <map>

namespace sluice::snapshot {

ListenerGroups::ListenerGroups(const Snapshot& snapshot) {
  std::map<std::pair<std::string, uint16_t>, std::vector<ListenerIndex>> members;
  for (int i = 0; i < snapshot.listeners_size(); ++i) {
    const Listener& listener = snapshot.listeners(i);
    for (const std::string& address : listener.addresses()) {
      members[{address, static_cast<uint16_t>(listener.port())}].push_back(
          static_cast<ListenerIndex>(i));
    }
  }

  std::map<std::vector<ListenerIndex>, GroupId> known;
  for (const auto& [place, listeners] : members) {
    const auto [entry, is_new] = known.try_emplace(listeners, static_cast<GroupId>(groups_.size()));
    by_address_.emplace(place, entry->second);
    if (!is_new) continue;
    Group& group = groups_.emplace_back();
    group.protocol = snapshot.listeners(static_cast<int>(listeners.front())).protocol();
    for (const ListenerIndex index : listeners) {
      group.by_hostname.Add(snapshot.listeners(static_cast<int>(index)).hostname(), index);
    }
  }
  for (const Listener& listener : snapshot.listeners()) {
    by_listener_.emplace(listener.id(), by_address_.at({listener.addresses(0),
                                                        static_cast<uint16_t>(listener.port())}));
  }
}

std::optional<GroupId> ListenerGroups::Find(std::string_view address, uint16_t port) const {
  const auto found = by_address_.find(std::pair<std::string, uint16_t>(address, port));
  if (found == by_address_.end()) return std::nullopt;
  return found->second;
}

std::optional<GroupId> ListenerGroups::FindByListener(std::string_view listener_id) const {
  const auto found = by_listener_.find(listener_id);
  if (found == by_listener_.end()) return std::nullopt;
  return found->second;
}

}  // namespace sluice::snapshot
