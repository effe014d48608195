#include "dataplane/core/fault.h"

#include <array>

namespace sluice::core {
namespace {

struct Row {
  Side side;
  int status;
  std::string_view flag;
};

constexpr std::array<Row, kFaultCodes> kRows = {{
#define X(code, side, status, flag) {Side::side, status, flag},
    SLUICE_FAULTS(X)
#undef X
}};

const Row& RowOf(FaultCode code) { return kRows[static_cast<size_t>(code)]; }

}  // namespace

Fault MakeFault(FaultCode code, Retry retry) { return {code, RowOf(code).side, retry}; }
int HttpStatus(FaultCode code) { return RowOf(code).status; }
std::string_view FlagName(FaultCode code) { return RowOf(code).flag; }

}  // namespace sluice::core
