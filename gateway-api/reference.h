// References from one object to another, with the defaults of the API as member initialisers.
// Plain values. namespace_ "" means the namespace of the object that holds the reference; name and
// port are as the user wrote them.
#pragma once

#include <string>

#include "gateway-api/metadata.h"

namespace sluice::gateway_api {

struct ParentReference {
  std::string group = kGatewayGroup;
  std::string kind = "Gateway";
  std::string namespace_;
  std::string name;
  std::string section_name;
  int port = 0;  // 0: any

  bool operator==(const ParentReference&) const = default;
};

struct BackendObjectReference {
  std::string group;
  std::string kind = "Service";
  std::string namespace_;
  std::string name;
  int port = 0;  // 0: not given; the API demands one for Services

  bool operator==(const BackendObjectReference&) const = default;
};

struct BackendRef {
  BackendObjectReference object;
  int weight = 1;

  bool operator==(const BackendRef&) const = default;
};

struct SecretObjectReference {
  std::string group;
  std::string kind = "Secret";
  std::string namespace_;
  std::string name;

  bool operator==(const SecretObjectReference&) const = default;
};

struct LocalObjectReference {
  std::string group;
  std::string kind;
  std::string name;

  bool operator==(const LocalObjectReference&) const = default;
};

// Also a GatewayClass's parametersRef.
struct ObjectReference {
  std::string group;
  std::string kind;
  std::string namespace_;
  std::string name;

  bool operator==(const ObjectReference&) const = default;
};

}  // namespace sluice::gateway_api
