#include "dataplane/stream/grpc_status.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace sluice::stream {
namespace {

// Every fault has a status; those that a client may try again are unavailable (14).
TEST(GrpcStatus, OfEveryFault) {
  std::map<std::string, std::string> told;
#define X(code, side, status, flag) told[flag] = GrpcStatus(core::FaultCode::code);
  SLUICE_FAULTS(X)
#undef X
  EXPECT_EQ(told, (std::map<std::string, std::string>{{"-", "13"},
                                                      {"bad_request", "13"},
                                                      {"request_timeout", "4"},
                                                      {"uri_too_long", "13"},
                                                      {"headers_too_large", "13"},
                                                      {"expectation_failed", "13"},
                                                      {"method_not_allowed", "12"},
                                                      {"misdirected", "12"},
                                                      {"no_route", "12"},
                                                      {"client_gone", "13"},
                                                      {"client_stalled", "13"},
                                                      {"tls_failure", "13"},
                                                      {"protocol_error", "13"},
                                                      {"abuse", "13"},
                                                      {"unresolved_backend", "13"},
                                                      {"no_endpoint", "14"},
                                                      {"overload", "14"},
                                                      {"draining", "14"},
                                                      {"internal", "13"},
                                                      {"connect_failure", "14"},
                                                      {"connect_timeout", "14"},
                                                      {"upstream_reset", "14"},
                                                      {"upstream_protocol", "13"},
                                                      {"upstream_timeout", "4"},
                                                      {"upstream_truncated", "14"}}));
}

}  // namespace
}  // namespace sluice::stream
