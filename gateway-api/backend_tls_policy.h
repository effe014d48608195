// BackendTLSPolicy (gateway.networking.k8s.io/v1): TLS from the gateway to a Service. Plain values.
#pragma once

#include <string>
#include <vector>

#include "gateway-api/metadata.h"
#include "gateway-api/reference.h"

namespace sluice::gateway_api {

struct BackendTlsPolicy {
  static constexpr char kKind[] = "BackendTLSPolicy";
  struct Target {
    LocalObjectReference object;
    std::string section_name;  // a Service's port name; "": all ports

    bool operator==(const Target&) const = default;
  };
  struct SubjectAltName {
    enum class Type { kHostname, kUri };
    Type type = Type::kHostname;
    std::string hostname;
    std::string uri;

    bool operator==(const SubjectAltName&) const = default;
  };
  struct Validation {
    std::vector<LocalObjectReference> ca_certificate_refs;
    std::string well_known_ca_certificates;  // "System", or ""
    std::string hostname;                    // SNI and expected name
    std::vector<SubjectAltName> subject_alt_names;

    bool operator==(const Validation&) const = default;
  };

  ObjectMeta meta;
  std::vector<Target> target_refs;
  Validation validation;
  StringMap options;

  bool operator==(const BackendTlsPolicy&) const = default;
};

}  // namespace sluice::gateway_api
