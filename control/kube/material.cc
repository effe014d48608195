#include "control/kube/material.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dataplane/core/fd.h"

namespace sluice::kube {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 20;

}  // namespace

absl::StatusOr<gateway_api::PrivateBytes> ReadPrivateFile(const std::string& path) {
  const core::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  const std::string doing = absl::StrCat("reading ", path);
  if (!file.valid()) return absl::ErrnoToStatus(errno, doing);
  std::vector<char> bytes(kMaxBytes + 1);  // never grows: no copy is left behind
  size_t size = 0;
  ssize_t n = 0;
  while (size < bytes.size() &&
         (n = ::read(file.get(), bytes.data() + size, bytes.size() - size)) > 0) {
    size += static_cast<size_t>(n);
  }
  const int error = errno;
  absl::StatusOr<gateway_api::PrivateBytes> result =
      gateway_api::PrivateBytes(std::string_view(bytes.data(), size));
  gateway_api::WipeMemory(bytes.data(), size);
  if (n < 0) return absl::ErrnoToStatus(error, doing);
  if (size > kMaxBytes) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is larger than ", kMaxBytes, " bytes"));
  }
  return result;
}

Material Material::OfBytes(std::string_view bytes) {
  Material material;
  material.bytes_ = gateway_api::PrivateBytes(bytes);
  return material;
}

Material Material::OfFile(std::string path) {
  Material material;
  material.file_ = std::move(path);
  return material;
}

absl::Status Material::Refresh(uint64_t now_ms) {
  const bool fresh =
      read_ && now_ms - read_ms_ < static_cast<uint64_t>(absl::ToInt64Milliseconds(kFresh));
  if (file_.empty() || fresh) return absl::OkStatus();
  absl::StatusOr<gateway_api::PrivateBytes> bytes = ReadPrivateFile(file_);
  if (!bytes.ok()) return bytes.status();
  if (bytes->empty()) return absl::FailedPreconditionError(absl::StrCat(file_, " is empty"));
  bytes_ = *std::move(bytes);
  read_ = true;
  read_ms_ = now_ms;
  return absl::OkStatus();
}

}  // namespace sluice::kube
