// Why a match won, and why the others did not: a linear walk over a listener's hosts and matches in
// the Snapshot's order, beside the route table, which answers the same question fast. The two must
// always agree (a test holds them together). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/view/view.h"
#include "dataplane/http/message.h"
#include "dataplane/snapshot/snapshot.pb.h"

namespace sluice::gwctl {

struct Candidate {
  enum class Fate { kWon, kOutranked, kMismatch };

  std::string hostname;  // of its Host; "": any
  const snapshot::Match* match = nullptr;
  Fate fate = Fate::kMismatch;
  std::string why;  // not for the winner
};

// All matches of the listener whose hostname fits the request's, in the order in which they are
// tried. Pointers lead into view.snapshot.
std::vector<Candidate> Walk(const view::View& view, std::string_view listener_id,
                            const http::RequestHead& head);

// Null: none fits.
const Candidate* Winner(const std::vector<Candidate>& candidates);

// "": the match fits; else the first thing that does not.
std::string WhyNot(const snapshot::Match& match, const http::RequestHead& head);

}  // namespace sluice::gwctl
