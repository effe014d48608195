#include "certs/secret.h"

#include <openssl/mem.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <new>
#include <utility>

namespace sluice::certs {
namespace {

size_t WholePages(size_t bytes) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

}  // namespace

SecretBytes::SecretBytes(std::span<const uint8_t> bytes) {
  if (bytes.empty()) return;
  const size_t mapped = WholePages(bytes.size());
  void* pages = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) throw std::bad_alloc();  // out of memory ends the process, as for new
  (void)madvise(pages, mapped, MADV_DONTDUMP);      // both are best effort: a small RLIMIT_MEMLOCK
  (void)mlock(pages, mapped);                       // must not stop a gateway from serving
  data_ = static_cast<uint8_t*>(pages);
  size_ = bytes.size();
  std::memcpy(data_, bytes.data(), size_);
}

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  if (this == &other) return *this;
  Wipe();
  data_ = std::exchange(other.data_, nullptr);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

void SecretBytes::Wipe() {
  if (data_ == nullptr) return;
  OPENSSL_cleanse(data_, size_);
  munmap(data_, WholePages(size_));
  data_ = nullptr;
  size_ = 0;
}

}  // namespace sluice::certs
