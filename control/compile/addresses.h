// Step 2: which Gateway has which address. Only addresses of an AddressPool that admits the
// Gateway's namespace are handed out or announced. Sticky: what is allocated stays with its Gateway
// as long as that asks for it, whatever happens to pools and other Gateways. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/compile/compile.h"

namespace sluice::compile {

struct UsableAddress {
  std::string address;                             // canonical
  const gateway_api::AddressPool* pool = nullptr;  // the first, by name, that holds it
};

struct AddressPlan {
  std::vector<UsableAddress> usable;  // in the order of the spec
  std::optional<Condition> problem;   // Programmed=False: some address is missing
};

// One plan a Gateway, in the order given, which decides who comes first: oldest first.
// `allocations` gets what is allocated now.
std::vector<AddressPlan> AssignAddresses(const std::vector<const gateway_api::Gateway*>& gateways,
                                         const gateway_api::ObjectSet& objects,
                                         const CompileOptions& options, Allocations& allocations);

// The VIP of an address, without ports.
snapshot::Vip MakeVip(const UsableAddress& address, const CompileOptions& options);

}  // namespace sluice::compile
