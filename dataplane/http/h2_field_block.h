// A header block on its way into libnghttp2, and the text of one that comes out of it. The block
// lives in an arena; the text in it lives where it did. One thread.
#pragma once

#include <nghttp2/nghttp2.h>

#include <charconv>
#include <span>
#include <string_view>

#include "dataplane/http/connection_fields.h"
#include "dataplane/http/message.h"

namespace sluice::http {

inline std::string_view TextOf(nghttp2_rcbuf* buffer) {
  const nghttp2_vec text = nghttp2_rcbuf_get_buf(buffer);
  return {reinterpret_cast<const char*>(text.base), text.len};
}

// The digits of `number`, in `room`.
inline std::string_view Print(uint64_t number, std::span<char> room) {
  char* end = std::to_chars(room.data(), room.data() + room.size(), number).ptr;
  return {room.data(), static_cast<size_t>(end - room.data())};
}

// Fields in the order they were added; those of a list without framing fields, which are HTTP/1's.
class FieldBlock {
 public:
  static constexpr size_t kExtra = 8;  // fields beside those of `list`
  // For text that lives until the block has left.
  static constexpr uint8_t kNoCopy = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;

  FieldBlock(core::Arena& arena, const HeaderList& list, uint8_t flags)
      : fields_(arena.AllocateArray<nghttp2_nv>(list.size() + kExtra)), flags_(flags) {}

  void Add(std::string_view name, std::string_view value) {
    fields_[size_++] = {reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
                        reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(),
                        value.size(), flags_};
  }
  void AddAll(const HeaderList& list) {
    for (const Header& header : list) {
      if (!IsFraming(header.known)) Add(header.name, header.value);
    }
  }
  const nghttp2_nv* data() const { return fields_.data(); }
  size_t size() const { return size_; }

 private:
  std::span<nghttp2_nv> fields_;
  size_t size_ = 0;
  uint8_t flags_;
};

}  // namespace sluice::http
