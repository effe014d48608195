// PEM blocks (RFC 7468) of a text, one at a time. Stateless apart from the position; any thread.
#pragma once

#include <openssl/base.h>
#include <openssl/bio.h>
#include <openssl/mem.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"

namespace sluice::certs {

// One block. The memory is wiped when it is freed, as it may be a key.
struct PemBlock {
  bssl::UniquePtr<char> label;    // "CERTIFICATE", "PRIVATE KEY"
  bssl::UniquePtr<char> headers;  // RFC 1421 headers, "" mostly
  bssl::UniquePtr<uint8_t> der;
  size_t der_size = 0;

  std::string_view Label() const { return label.get(); }
  std::string_view Headers() const { return headers.get(); }
  std::span<const uint8_t> Der() const { return {der.get(), der_size}; }
};

class PemReader {
 public:
  explicit PemReader(std::string_view text);

  // The next block; nullopt at the end of the text. Text between blocks is skipped.
  absl::StatusOr<std::optional<PemBlock>> Next();

 private:
  bssl::UniquePtr<BIO> bio_;
};

}  // namespace sluice::certs
