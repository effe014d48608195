#include "dataplane/channel/connection.h"

#include <fcntl.h>
#include <openssl/mem.h>
#include <sys/socket.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace sluice::channel {
namespace {

constexpr size_t kHeaderBytes = 4;
constexpr size_t kReadBytes = 64 * 1024;
static_assert(std::endian::native == std::endian::little, "the length of a frame is little endian");

// Room for the control data of the largest set of descriptors.
union ControlSpace {
  char bytes[CMSG_SPACE(Connection::kMaxFds * sizeof(int))];
  cmsghdr aligned;
};

void AttachFds(std::span<const core::Fd> fds, ControlSpace& space, msghdr& header) {
  const size_t bytes = fds.size() * sizeof(int);
  header.msg_control = space.bytes;
  header.msg_controllen = CMSG_SPACE(bytes);
  cmsghdr* control = CMSG_FIRSTHDR(&header);
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_RIGHTS;
  control->cmsg_len = CMSG_LEN(bytes);
  int* out = reinterpret_cast<int*>(CMSG_DATA(control));
  for (const core::Fd& fd : fds) *out++ = fd.get();
}

void TakeFds(msghdr& header, std::vector<core::Fd>& out) {
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
       control = CMSG_NXTHDR(&header, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    const int* fds = reinterpret_cast<const int*>(CMSG_DATA(control));
    for (size_t i = 0; i < count; ++i) out.emplace_back(fds[i]);
  }
}

}  // namespace

void WipeKeys(Message& message) {
  const auto wipe = [](std::string& secret) {
    OPENSSL_cleanse(secret.data(), secret.size());
    secret.clear();
  };
  if (message.has_hello()) wipe(*message.mutable_hello()->mutable_ticket_secret());
  if (!message.has_update()) return;
  for (Certificate& certificate :
       *message.mutable_update()->mutable_certificates()->mutable_certificates()) {
    wipe(*certificate.mutable_key_pem());
  }
}

absl::Status Connection::Send(const Message& message, std::span<const int> fds) {
  const size_t size = message.ByteSizeLong();
  if (size > kMaxFrameBytes)
    return absl::ResourceExhaustedError(absl::StrCat("a frame of ", size, " bytes"));
  if (fds.size() > kMaxFds)
    return absl::ResourceExhaustedError(absl::StrCat(fds.size(), " descriptors in a frame"));
  Outgoing frame;
  for (int fd : fds) {
    frame.fds.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!frame.fds.back().valid()) return absl::ErrnoToStatus(errno, "duplicating a descriptor");
  }
  const std::span<uint8_t> room = frame.bytes.Reserve(kHeaderBytes + size);
  const auto header = static_cast<uint32_t>(size);
  std::memcpy(room.data(), &header, kHeaderBytes);
  if (!message.SerializeToArray(room.data() + kHeaderBytes, static_cast<int>(size))) {
    return absl::InternalError("cannot serialise a message");
  }
  frame.bytes.Commit(kHeaderBytes + size);
  queue_.push_back(std::move(frame));
  return absl::OkStatus();
}

absl::Status Connection::Flush() {
  while (!queue_.empty()) {
    Outgoing& frame = queue_.front();
    absl::StatusOr<size_t> written = Write(frame);
    if (!written.ok()) return written.status();
    if (*written == 0) return absl::OkStatus();
    frame.fds.clear();
    frame.bytes.Consume(*written);
    if (frame.bytes.size() == 0) queue_.pop_front();
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> Connection::Write(Outgoing& frame) {
  const std::string_view bytes = frame.bytes.view();
  iovec part{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
  msghdr header = {};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  ControlSpace space = {};
  if (!frame.fds.empty()) AttachFds(frame.fds, space, header);
  ssize_t n;
  do {
    n = ::sendmsg(socket_.get(), &header, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  if (n >= 0) return static_cast<size_t>(n);
  if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
  return absl::ErrnoToStatus(errno, "writing to the channel");
}

absl::StatusOr<std::optional<Received>> Connection::Receive() {
  while (true) {
    absl::StatusOr<std::optional<Received>> frame = TakeFrame();
    if (!frame.ok() || frame->has_value()) return frame;
    absl::StatusOr<size_t> count = Read();
    if (!count.ok()) return count.status();
    if (*count == 0) return std::nullopt;
  }
}

// The number of bytes that came; 0: the socket is empty.
absl::StatusOr<size_t> Connection::Read() {
  const std::span<uint8_t> room = incoming_.Reserve(kReadBytes);
  iovec part{.iov_base = room.data(), .iov_len = room.size()};
  ControlSpace space;
  msghdr header = {};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = space.bytes;
  header.msg_controllen = sizeof space.bytes;
  ssize_t n;
  do {
    n = ::recvmsg(socket_.get(), &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  if (n < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    return absl::ErrnoToStatus(errno, "reading from the channel");
  }
  TakeFds(header, incoming_fds_);
  if (n == 0) {
    if (incoming_.size() > 0) return absl::DataLossError("the peer closed within a frame");
    return absl::UnavailableError("the peer closed");
  }
  incoming_.Commit(static_cast<size_t>(n));
  // Descriptors may arrive while the frame before theirs is still incomplete, but no earlier.
  if ((header.msg_flags & MSG_CTRUNC) != 0 || incoming_fds_.size() > 2 * kMaxFds) {
    return absl::ResourceExhaustedError("too many descriptors");
  }
  return static_cast<size_t>(n);
}

absl::StatusOr<std::optional<Received>> Connection::TakeFrame() {
  const std::string_view bytes = incoming_.view();
  if (bytes.size() < kHeaderBytes) return std::nullopt;
  uint32_t size;
  std::memcpy(&size, bytes.data(), kHeaderBytes);
  if (size > kMaxFrameBytes)
    return absl::ResourceExhaustedError(absl::StrCat("a frame of ", size, " bytes"));
  if (bytes.size() - kHeaderBytes < size) return std::nullopt;
  Received received;
  const bool parsed =
      received.message.ParseFromArray(bytes.data() + kHeaderBytes, static_cast<int>(size));
  incoming_.Consume(kHeaderBytes + size);
  if (!parsed) return absl::InvalidArgumentError("a frame that is no message");
  const auto named = static_cast<size_t>(received.message.sockets().sockets_size());
  if (named > incoming_fds_.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(named, " sockets with ", incoming_fds_.size(), " descriptors"));
  }
  const auto end = incoming_fds_.begin() + static_cast<ptrdiff_t>(named);
  received.fds.assign(std::make_move_iterator(incoming_fds_.begin()), std::make_move_iterator(end));
  incoming_fds_.erase(incoming_fds_.begin(), end);
  return received;
}

}  // namespace sluice::channel
