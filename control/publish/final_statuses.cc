#include "control/publish/final_statuses.h"

#include <vector>

namespace sluice::publish {
namespace {

void TakeBack(std::vector<compile::Condition>& conditions, Outcome outcome,
              const std::string& why) {
  for (compile::Condition& condition : conditions) {
    if (condition.type != "Programmed" || !condition.status) continue;
    condition.status = false;
    condition.reason = outcome == Outcome::kPending ? "Pending" : "Invalid";
    condition.message = why;
  }
}

}  // namespace

compile::Statuses FinalStatuses(compile::Statuses compiled, Outcome outcome,
                                const std::string& why) {
  if (outcome == Outcome::kApplied) return compiled;
  for (auto& [name, gateway] : compiled.gateways) {
    TakeBack(gateway.conditions, outcome, why);
    for (compile::ListenerStatus& listener : gateway.listeners)
      TakeBack(listener.conditions, outcome, why);
  }
  return compiled;
}

}  // namespace sluice::publish
