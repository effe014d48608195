#include "gateway-api/private_bytes.h"

#include <cstring>
#include <utility>

namespace sluice::gateway_api {

void WipeMemory(void* data, size_t size) {
  if (size > 0) explicit_bzero(data, size);
}

PrivateBytes& PrivateBytes::operator=(const PrivateBytes& other) {
  if (this != &other) *this = PrivateBytes(other);
  return *this;
}

PrivateBytes& PrivateBytes::operator=(PrivateBytes&& other) noexcept {
  if (this != &other) {
    Wipe();
    bytes_ = std::exchange(other.bytes_, {});
  }
  return *this;
}

void PrivateBytes::Wipe() { WipeMemory(bytes_.data(), bytes_.size()); }

}  // namespace sluice::gateway_api
