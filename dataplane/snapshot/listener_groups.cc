#include "dataplane/snapshot/listener_groups.h"

#include <map>

namespace sluice::snapshot {

namespace {

core::Address PlaceOf(const std::string& address, const Listener& listener) {
  return core::Address::Parse(address, static_cast<uint16_t>(listener.port())).value();
}

}  // namespace

ListenerGroups::ListenerGroups(const Snapshot& snapshot) {
  absl::flat_hash_map<core::Address, std::vector<ListenerIndex>> members;
  std::vector<core::Address> places;  // in order of appearance
  for (int i = 0; i < snapshot.listeners_size(); ++i) {
    for (const std::string& address : snapshot.listeners(i).addresses()) {
      const core::Address place = PlaceOf(address, snapshot.listeners(i));
      std::vector<ListenerIndex>& there = members[place];
      if (there.empty()) places.push_back(place);
      there.push_back(static_cast<ListenerIndex>(i));
    }
  }

  std::map<std::vector<ListenerIndex>, GroupId> known;
  for (const core::Address& place : places) {
    const std::vector<ListenerIndex>& listeners = members.at(place);
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
    by_listener_.emplace(listener.id(), by_address_.at(PlaceOf(listener.addresses(0), listener)));
  }
}

std::optional<GroupId> ListenerGroups::Find(const core::Address& local) const {
  const auto found = by_address_.find(local);
  if (found == by_address_.end()) return std::nullopt;
  return found->second;
}

std::optional<GroupId> ListenerGroups::FindByListener(std::string_view listener_id) const {
  const auto found = by_listener_.find(listener_id);
  if (found == by_listener_.end()) return std::nullopt;
  return found->second;
}

}  // namespace sluice::snapshot
