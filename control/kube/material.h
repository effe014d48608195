// A certificate, key or token: bytes that are given, or a file that may be replaced at any time, as
// a kubelet does with a rotating token. Files are read again when they are used, at most once in
// `kFresh`, so that what was rotated is in use at the latest then. Any one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway-api/private_bytes.h"

namespace sluice::kube {

class Material {
 public:
  static constexpr absl::Duration kFresh = absl::Seconds(5);

  Material() = default;
  static Material OfBytes(std::string_view bytes);
  static Material OfFile(std::string path);

  bool given() const { return !file_.empty() || !bytes_.empty(); }
  const std::string& file() const { return file_; }  // "": bytes were given

  // Reads the file if it was not read since `now` - kFresh. Not ok: it cannot be read, and Reveal
  // has what was read last. `now` is a monotonic clock's.
  absl::Status Refresh(uint64_t now_ms);
  // The next Refresh reads the file whatever its age: what it held was refused.
  void Expire() { read_ = false; }

  std::string_view Reveal() const { return bytes_.Reveal(); }

 private:
  std::string file_;
  gateway_api::PrivateBytes bytes_;
  bool read_ = false;
  uint64_t read_ms_ = 0;
};

// A whole file, at most 1 MB.
absl::StatusOr<gateway_api::PrivateBytes> ReadPrivateFile(const std::string& path);

}  // namespace sluice::kube
