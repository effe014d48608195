// Bytes that must not leak: held in pages of their own that are locked (as far as the limit on
// locked memory allows) and left out of core dumps, and wiped on destruction. Moves, never copies;
// cannot be printed: there is no stream operator and no AbslStringify. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <span>
#include <string_view>

namespace sluice::certs {

class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(std::span<const uint8_t> bytes);
  SecretBytes(SecretBytes&& other) noexcept;
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  ~SecretBytes() { Wipe(); }

  std::span<const uint8_t> Reveal() const { return {data_, size_}; }
  std::string_view RevealText() const { return {reinterpret_cast<const char*>(data_), size_}; }
  bool empty() const { return size_ == 0; }

 private:
  void Wipe();

  uint8_t* data_ = nullptr;  // start of a mapping
  size_t size_ = 0;
};

template <typename Sink>
void AbslStringify(Sink& sink, const SecretBytes& secret) = delete;
std::ostream& operator<<(std::ostream& stream, const SecretBytes& secret) = delete;

}  // namespace sluice::certs
