#include "certs/pem.h"

#include <openssl/err.h>
#include <openssl/pem.h>

namespace sluice::certs {

PemReader::PemReader(std::string_view text)
    : bio_(BIO_new_mem_buf(text.data(), static_cast<ossl_ssize_t>(text.size()))) {}

absl::StatusOr<std::optional<PemBlock>> PemReader::Next() {
  char *label, *headers;
  uint8_t* der;
  long size;
  if (PEM_read_bio(bio_.get(), &label, &headers, &der, &size) != 1) {
    const uint32_t error = ERR_peek_last_error();
    ERR_clear_error();
    if (ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE) {
      return std::nullopt;
    }
    return absl::InvalidArgumentError("a PEM block is damaged (its end line or base64 is wrong)");
  }
  PemBlock block;
  block.label.reset(label);
  block.headers.reset(headers);
  block.der.reset(der);
  block.der_size = static_cast<size_t>(size);
  return block;
}

}  // namespace sluice::certs
