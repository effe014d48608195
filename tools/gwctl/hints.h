// What a user may have meant where the answer is no: listeners and routes that are written, but do
// not serve, with the conditions that say why. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control/view/view.h"

namespace sluice::gwctl {

// No listener at `port`: which ports there are, and listeners of that port that are not programmed.
std::vector<std::string> HintsForPort(const view::View& view, uint16_t port);

// No listener or no route for `host`: listeners that would fit, but are not programmed; routes that
// name the host, but are not accepted.
std::vector<std::string> HintsForHost(const view::View& view, uint16_t port, std::string_view host);

// Why a rule's backends cannot serve: the conditions of its route, endpoints that are not ready.
std::vector<std::string> HintsForBackends(const view::View& view, const snapshot::Rule& rule);

}  // namespace sluice::gwctl
