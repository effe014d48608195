// How often one object may be written: at once when it was quiet, then twice as slowly each time,
// down to once a second; a second of quiet takes one step back. So a Gateway on which a thousand
// routes attach within half a minute is written less than 40 times, and one change leaves at once.
// A plain value; time is an input.
#pragma once

#include <cstdint>

namespace sluice::status {

class Pace {
 public:
  // How long the next write must still wait. Urgent: somebody waits for it.
  uint64_t WaitMs(uint64_t now_ms, bool urgent) const;
  void Wrote(uint64_t now_ms);

 private:
  int StepsAt(uint64_t now_ms) const;

  uint64_t last_ms_ = 0;
  int steps_ = 0;  // as of last_ms_; 0: it may be written
};

}  // namespace sluice::status
