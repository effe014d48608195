#include "control/agent/state_files.h"

#include <fcntl.h>
#include <openssl/mem.h>
#include <openssl/rand.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "control/publish/last_good.h"

namespace sluice::agent {
namespace {

constexpr const char* kHeader =
    "# addresses that Sluice gave to Gateways: ADDRESS NAMESPACE/NAME\n";

absl::Status Failed(std::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat(what, " ", path));
}

}  // namespace

absl::Status MakeFolder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("making the folder ", path));
  return absl::OkStatus();
}

absl::StatusOr<core::Fd> TakeLock(const std::string& path) {
  core::Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return Failed("opening", path);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) return file;
  if (errno != EWOULDBLOCK) return Failed("locking", path);
  return absl::AlreadyExistsError(absl::StrCat("another sluice-agent runs: it holds ", path));
}

absl::StatusOr<certs::SecretBytes> KeepTicketSecret(const std::string& path) {
  if (absl::Status in_memory = publish::CheckInMemory(path); !in_memory.ok()) return in_memory;
  std::array<uint8_t, 32> bytes;
  core::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  const bool there =
      file.valid() && ::read(file.get(), bytes.data(), bytes.size()) == ssize_t{bytes.size()};
  if (!there) {
    RAND_bytes(bytes.data(), bytes.size());
    file =
        core::Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.valid()) return Failed("opening", path);
    if (::write(file.get(), bytes.data(), bytes.size()) != ssize_t{bytes.size()})
      return Failed("writing", path);
  }
  certs::SecretBytes secret(bytes);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return secret;
}

absl::Status ReplaceFile(const std::string& path, const std::string& text) {
  const std::string next = path + ".next";
  const core::Fd file(
      ::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!file.valid()) return Failed("opening", next);
  for (std::string_view left = text; !left.empty();) {
    const ssize_t n = ::write(file.get(), left.data(), left.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Failed("writing", next);
    left.remove_prefix(static_cast<size_t>(n));
  }
  if (::fsync(file.get()) != 0) return Failed("writing", next);
  if (::rename(next.c_str(), path.c_str()) != 0) return Failed("replacing", path);
  return absl::OkStatus();
}

absl::StatusOr<compile::Allocations> ReadAllocations(const std::string& path) {
  compile::Allocations allocations;
  std::ifstream file(path);
  if (!file) {
    if (!std::filesystem::exists(path)) return allocations;
    return absl::PermissionDeniedError(absl::StrCat("reading ", path));
  }
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    const std::vector<std::string> words = absl::StrSplit(line, absl::ByAnyChar(" /"));
    if (words.size() != 3 || words[0].empty() || words[1].empty() || words[2].empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ":", number, ": not ADDRESS NAMESPACE/NAME"));
    }
    allocations[words[0]] = {words[1], words[2]};
  }
  return allocations;
}

absl::Status WriteAllocations(const std::string& path, const compile::Allocations& allocations) {
  std::string text = kHeader;
  for (const auto& [address, gateway] : allocations)
    absl::StrAppend(&text, address, " ", ToString(gateway), "\n");
  return ReplaceFile(path, text);
}

}  // namespace sluice::agent
