// Step 1: which GatewayClasses are ours, and the process-wide settings that their parameters give.
// Pure.
#pragma once

#include <map>
#include <string>

#include "control/compile/compile.h"

namespace sluice::compile {

struct ClassPlan {
  const gateway_api::GatewayClass* object = nullptr;
  const gateway_api::GatewayParameters* parameters = nullptr;  // null: none, or not accepted
  Condition accepted;
};

// By name; only classes with our controller name. Settings belong to the process, so only one set
// of parameters can hold: the oldest class's.
std::map<std::string, ClassPlan> SelectClasses(const gateway_api::ObjectSet& objects);

snapshot::Settings CompileSettings(const std::map<std::string, ClassPlan>& classes);

GatewayClassStatus ReportClass(const ClassPlan& plan, const CompileOptions& options);

}  // namespace sluice::compile
