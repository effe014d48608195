// Bytes that must not appear anywhere: a Secret's values. They cannot be printed (no conversion, no
// operator<<, AbslStringify says "[private]"), and their memory is wiped when it is given back.
// Reveal() is the only way to them, so that a search for it finds every use. Movable and copyable;
// no thread rule.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::gateway_api {

class PrivateBytes {
 public:
  PrivateBytes() = default;
  explicit PrivateBytes(std::string_view bytes) : bytes_(bytes.begin(), bytes.end()) {}
  PrivateBytes(const PrivateBytes&) = default;
  PrivateBytes(PrivateBytes&& other) noexcept = default;  // leaves nothing behind
  PrivateBytes& operator=(const PrivateBytes& other);
  PrivateBytes& operator=(PrivateBytes&& other) noexcept;
  ~PrivateBytes() { Wipe(); }

  // Valid until this value is assigned to, moved from or destroyed.
  std::string_view Reveal() const { return {bytes_.data(), bytes_.size()}; }
  bool empty() const { return bytes_.empty(); }

  bool operator==(const PrivateBytes&) const = default;

  template <typename Sink>
  friend void AbslStringify(Sink& sink, const PrivateBytes&) {
    sink.Append("[private]");
  }

 private:
  void Wipe();

  std::vector<char> bytes_;  // never grows in place, so no copy is left behind; not a string, whose
                             // short form a move would leave behind
};

// Overwrites memory in a way that the compiler does not drop.
void WipeMemory(void* data, size_t size);

}  // namespace sluice::gateway_api
