// Serialises an HTTP/1 head into one buffer and hands it to a Transport in one call. The buffer is
// on the stack, or from the message's arena when the head is large; declare writers with
// [[clang::uninitialized]], or each clears 2 KiB first. One thread.
#pragma once

#include <cstring>
#include <string_view>

#include "dataplane/http/codec.h"

namespace sluice::http {

class HeadWriter {
 public:
  // `list` is what will be written, `extra` an upper bound of all other bytes.
  HeadWriter(const HeaderList& list, size_t extra);
  HeadWriter(const HeadWriter&) = delete;
  HeadWriter& operator=(const HeadWriter&) = delete;

  // Both without bounds checks in release: the constructor has made room.
  void Put(std::string_view text) {
    if (text.empty()) return;  // it may point nowhere
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  void PutNumber(uint64_t number);
  void PutField(std::string_view name, std::string_view value) {
    Put(name);
    *at_++ = ':';
    *at_++ = ' ';
    Put(value);
    *at_++ = '\r';
    *at_++ = '\n';
  }
  void PutLength(uint64_t length) {
    Put("content-length: ");
    PutNumber(length);
    Put("\r\n");
  }
  // All of the list but framing fields, which a codec writes itself.
  void PutFields(const HeaderList& list);

  // Checks the bound. REQUIRES: called once, at the end.
  void WriteTo(Transport& transport);

 private:
  static constexpr size_t kOnStack = 2048;

  char* begin_;
  char* at_;
  size_t capacity_;
  char small_[kOnStack];
};

// One chunk, and the last with the trailers (RFC 9112 7.1). REQUIRES: `data` is not empty.
void WriteChunk(Transport& transport, Bytes data);
void WriteLastChunk(Transport& transport, const HeaderList& trailers);

// "OK", "Not Found" ... ; empty for codes without a name.
std::string_view ReasonPhrase(int status);

}  // namespace sluice::http
