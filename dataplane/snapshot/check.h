// Phrases and steps that the parts of Validate share.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dataplane/snapshot/snapshot.pb.h"

namespace sluice::snapshot {

// Every check returns Ok or one phrase; `In` puts the place before it.
template <typename... Parts>
absl::Status Wrong(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

inline absl::Status In(std::string_view place, const absl::Status& status) {
  return status.ok() ? status : Wrong(place, ": ", status.message());
}

// Calls check(element) for each, and puts "name[index]" before the first phrase.
template <typename Elements, typename Check>
absl::Status CheckEach(std::string_view name, const Elements& elements, Check check) {
  for (int i = 0; i < elements.size(); ++i) {
    if (absl::Status status = check(elements.Get(i)); !status.ok()) {
      return In(absl::StrCat(name, "[", i, "]"), status);
    }
  }
  return absl::OkStatus();
}

// Strictly ascending by key(element), so that there are no duplicates either.
template <typename Elements, typename Key>
absl::Status CheckSorted(std::string_view name, const Elements& elements, Key key) {
  for (int i = 1; i < elements.size(); ++i) {
    if (!(key(elements.Get(i - 1)) < key(elements.Get(i)))) {
      return Wrong(name, "[", i, "]: not in ascending order, or twice");
    }
  }
  return absl::OkStatus();
}

inline absl::Status CheckPort(uint32_t port) {
  return port >= 1 && port <= 65535 ? absl::OkStatus() : Wrong("port ", port, " is not in 1-65535");
}

absl::Status CheckFilter(const Filter& filter);
absl::Status CheckMatch(const Match& match);

}  // namespace sluice::snapshot
