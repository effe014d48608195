// Secret and ConfigMap (v1). A Secret's values are PrivateBytes. Plain values.
#pragma once

#include <map>
#include <string>

#include "gateway-api/metadata.h"
#include "gateway-api/private_bytes.h"

namespace sluice::gateway_api {

struct Secret {
  static constexpr char kKind[] = "Secret";
  static constexpr char kTlsType[] = "kubernetes.io/tls";
  static constexpr char kTlsCertificate[] = "tls.crt";
  static constexpr char kTlsKey[] = "tls.key";

  ObjectMeta meta;
  std::string type = "Opaque";
  std::map<std::string, PrivateBytes> data;  // decoded; stringData has won over data

  bool operator==(const Secret&) const = default;
};

struct ConfigMap {
  static constexpr char kKind[] = "ConfigMap";

  ObjectMeta meta;
  StringMap data;  // binaryData is decoded into it too

  bool operator==(const ConfigMap&) const = default;
};

}  // namespace sluice::gateway_api
