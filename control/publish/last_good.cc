#include "control/publish/last_good.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "dataplane/channel/wiped_buffer.h"
#include "dataplane/core/fd.h"

namespace sluice::publish {
namespace {

absl::Status Failed(std::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat(what, " ", path));
}

absl::Status WriteAll(int fd, std::string_view left, const std::string& path) {
  while (!left.empty()) {
    const ssize_t n = ::write(fd, left.data(), left.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Failed("writing", path);
    left.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

absl::Status ReadAll(int fd, size_t size, channel::WipedBuffer& bytes, const std::string& path) {
  while (bytes.size() < size) {
    const std::span<uint8_t> room = bytes.Reserve(size - bytes.size());
    const ssize_t n = ::read(fd, room.data(), room.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Failed("reading", path);
    if (n == 0) return absl::DataLossError(absl::StrCat(path, " ends early"));
    bytes.Commit(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckInMemory(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path();
  struct statfs about = {};
  if (::statfs(folder.c_str(), &about) != 0) return Failed("looking at", folder);
  if (about.f_type == TMPFS_MAGIC || about.f_type == RAMFS_MAGIC) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(folder, " is not in memory (tmpfs), and secrets go on no disk"));
}

absl::Status SaveLastGood(const std::string& path, const channel::Update& update) {
  if (absl::Status in_memory = CheckInMemory(path); !in_memory.ok()) return in_memory;
  channel::WipedBuffer bytes;
  const size_t size = update.ByteSizeLong();
  if (size > kMaxLastGoodBytes) return absl::ResourceExhaustedError("the generation is too big");
  if (!update.SerializeToArray(bytes.Reserve(size).data(), static_cast<int>(size)))
    return absl::InternalError("serialising the generation");
  bytes.Commit(size);
  const std::string next = path + ".next";
  const core::Fd file(
      ::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return Failed("opening", next);
  if (absl::Status written = WriteAll(file.get(), bytes.view(), next); !written.ok())
    return written;
  if (::rename(next.c_str(), path.c_str()) != 0) return Failed("replacing", path);
  return absl::OkStatus();
}

absl::StatusOr<channel::Message> LoadLastGood(const std::string& path) {
  const core::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.valid()) return Failed("opening", path);
  struct stat about = {};
  if (::fstat(file.get(), &about) != 0) return Failed("looking at", path);
  if (!S_ISREG(about.st_mode) || about.st_uid != ::geteuid() || (about.st_mode & 077) != 0)
    return absl::PermissionDeniedError(absl::StrCat(path, " is not a file that only we can read"));
  if (static_cast<size_t>(about.st_size) > kMaxLastGoodBytes)
    return absl::ResourceExhaustedError(absl::StrCat(path, " is too big"));
  channel::WipedBuffer bytes;
  const auto size = static_cast<size_t>(about.st_size);
  if (absl::Status read = ReadAll(file.get(), size, bytes, path); !read.ok()) return read;
  channel::Message message;
  const std::string_view text = bytes.view();
  if (!message.mutable_update()->ParseFromArray(text.data(), static_cast<int>(text.size())))
    return absl::DataLossError(absl::StrCat(path, " holds no generation"));
  return message;
}

}  // namespace sluice::publish
